import { palettes, type ThemeName } from './tokens.ts'

/** Puts the tokens of a theme on the document as CSS variables: `--surface`, `--running`, … */
export function applyTheme(name: ThemeName, root: HTMLElement): void {
  for (const [token, colour] of Object.entries(palettes[name])) root.style.setProperty(`--${token}`, colour)
  root.style.colorScheme = name
  root.dataset['theme'] = name
}
