import type { ThemeDefinition } from 'vuetify'
import { palettes, type ThemeName } from './tokens.ts'

/** The tokens as a Vuetify theme. Emphasis opacities are 1: the colours already carry emphasis, so that contrast stays true. */
function vuetifyTheme(name: ThemeName): ThemeDefinition {
  const palette = palettes[name]
  return {
    dark: name === 'dark',
    colors: {
      background: palette.background,
      'on-background': palette.text,
      surface: palette.surface,
      'on-surface': palette.text,
      'surface-variant': palette.overlay,
      'on-surface-variant': palette.text,
      primary: palette.accent,
      'on-primary': palette['on-accent'],
      secondary: palette.muted,
      error: palette.danger,
      'on-error': palette['on-danger-fill'],
      danger: palette['danger-fill'],
      'on-danger': palette['on-danger-fill'],
      warning: palette.warning,
      success: palette.running,
      info: palette.progress,
      track: palette.track,
      line: palette.line,
      control: palette.control,
    },
    variables: {
      'border-color': palette.line,
      'border-opacity': 1,
      'high-emphasis-opacity': 1,
      'medium-emphasis-opacity': 1,
      'disabled-opacity': 0.5,
      'hover-opacity': 0.06,
      'activated-opacity': 0.1,
      'theme-overlay-multiplier': 1,
    },
  }
}

export const vuetifyThemes = { dark: vuetifyTheme('dark'), light: vuetifyTheme('light') }
