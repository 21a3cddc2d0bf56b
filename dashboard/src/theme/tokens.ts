/** Every colour of the dashboard. Nothing outside this file names a colour by value. */
type Palette = Readonly<Record<TokenName, string>>

export type TokenName =
  | 'background'
  | 'surface'
  | 'raised'
  | 'overlay'
  | 'sunken'
  | 'hover'
  | 'selected'
  | 'line'
  | 'control'
  | 'track'
  | 'text'
  | 'muted'
  | 'faint'
  | 'accent'
  | 'on-accent'
  | 'running'
  | 'progress'
  | 'warning'
  | 'danger'
  | 'danger-fill'
  | 'on-danger-fill'
  | 'suspended'
  | 'stopped'
  | 'series-2'

export type ThemeName = 'dark' | 'light'

export const palettes: Readonly<Record<ThemeName, Palette>> = {
  dark: {
    background: '#0E1113',
    surface: '#14181B',
    raised: '#1B2024',
    overlay: '#1E2428',
    sunken: '#0A0C0E',
    hover: '#1A1F23',
    selected: '#15292D',
    line: '#262D31',
    control: '#68757D',
    track: '#2A3237',
    text: '#E7EBED',
    muted: '#A3AEB5',
    faint: '#87939A',
    accent: '#5CC3CE',
    'on-accent': '#04191C',
    running: '#4FC689',
    progress: '#79AEFF',
    warning: '#E3B04A',
    danger: '#FF8279',
    'danger-fill': '#C93A33',
    'on-danger-fill': '#FFFFFF',
    suspended: '#BBA2FF',
    stopped: '#A3AEB5',
    'series-2': '#E3B04A',
  },
  light: {
    background: '#F3F5F5',
    surface: '#FFFFFF',
    raised: '#F7F9F9',
    overlay: '#FFFFFF',
    sunken: '#FBFCFC',
    hover: '#F1F4F4',
    selected: '#E3F1F2',
    line: '#DDE2E4',
    control: '#7C888F',
    track: '#E2E7E9',
    text: '#13191C',
    muted: '#505C63',
    faint: '#5F6B72',
    accent: '#0B6772',
    'on-accent': '#FFFFFF',
    running: '#13713F',
    progress: '#1D5BC0',
    warning: '#835400',
    danger: '#B8231C',
    'danger-fill': '#B8231C',
    'on-danger-fill': '#FFFFFF',
    suspended: '#6640B8',
    stopped: '#505C63',
    'series-2': '#A86B00',
  },
}

/** Grounds that text and marks may stand on. */
export const grounds = ['background', 'surface', 'raised', 'overlay', 'hover', 'selected', 'sunken'] as const satisfies readonly TokenName[]
/** Colours of text: at least 4.5 on every ground. */
export const textColours = [
  'text',
  'muted',
  'faint',
  'accent',
  'running',
  'progress',
  'warning',
  'danger',
  'suspended',
  'stopped',
] as const satisfies readonly TokenName[]

/** Console colours in xterm's names; the ground is the theme's `sunken`. */
export const consolePalettes = {
  dark: {
    foreground: '#D5DBDE',
    red: '#FF8279',
    green: '#7CCB8F',
    yellow: '#E3C069',
    blue: '#82B1FF',
    magenta: '#CDA8FF',
    cyan: '#6FCBD4',
    brightBlack: '#87939A',
    black: '#0A0C0E',
    white: '#D5DBDE',
    brightWhite: '#E7EBED',
  },
  light: {
    foreground: '#22292D',
    red: '#B8231C',
    green: '#1B6E3A',
    yellow: '#7A5200',
    blue: '#1D5BC0',
    magenta: '#7A37A8',
    cyan: '#0B6772',
    brightBlack: '#5F6B72',
    black: '#22292D',
    white: '#5F6B72',
    brightWhite: '#13191C',
  },
} as const satisfies Record<ThemeName, Record<string, string>>

/** Marks of found text in the console: every match, and the one stood on. */
export const searchMarks = {
  dark: { match: '#5C4A17', active: '#E3B04A' },
  light: { match: '#FBE08A', active: '#F2A31B' },
} as const satisfies Record<ThemeName, Record<string, string>>
