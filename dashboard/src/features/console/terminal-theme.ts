import type { ITheme } from '@xterm/xterm'
import { consolePalettes, palettes, type ThemeName } from '../../theme/tokens.ts'

/** Face of the console; loaded before the terminal measures it. */
export const FONT = '"JetBrains Mono Variable"'

/** The terminal's colours in a theme of the dashboard. */
export function terminalTheme(theme: ThemeName): ITheme {
  const { red, green, yellow, blue, magenta, cyan, ...rest } = consolePalettes[theme]
  const { sunken, accent, control } = palettes[theme]
  return {
    ...rest,
    red,
    green,
    yellow,
    blue,
    magenta,
    cyan,
    brightRed: red,
    brightGreen: green,
    brightYellow: yellow,
    brightBlue: blue,
    brightMagenta: magenta,
    brightCyan: cyan,
    background: sunken,
    cursor: sunken,
    scrollbarSliderBackground: `${control}55`,
    scrollbarSliderHoverBackground: `${control}88`,
    scrollbarSliderActiveBackground: control,
    selectionBackground: `${accent}55`,
  }
}
