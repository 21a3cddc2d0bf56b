import { describe, expect, it } from 'vitest'
import { contrast } from './contrast.ts'
import { consolePalettes, grounds, palettes, textColours, type ThemeName } from './tokens.ts'

const themes: ThemeName[] = ['dark', 'light']

describe.each(themes)('%s theme', (theme) => {
  const palette = palettes[theme]

  it.each(textColours)('%s reads on every ground', (name) => {
    for (const ground of grounds) expect(contrast(palette[name], palette[ground]), ground).toBeGreaterThanOrEqual(4.5)
  })

  it('outlines of controls and bars stand out', () => {
    for (const ground of grounds) expect(contrast(palette.control, palette[ground]), ground).toBeGreaterThanOrEqual(3)
    for (const bar of ['accent', 'warning', 'danger'] as const) expect(contrast(palette[bar], palette.track), bar).toBeGreaterThanOrEqual(3)
    expect(contrast(palette['series-2'], palette.surface)).toBeGreaterThanOrEqual(3)
  })

  it('text on filled buttons reads', () => {
    expect(contrast(palette['on-accent'], palette.accent)).toBeGreaterThanOrEqual(4.5)
    expect(contrast(palette['on-danger-fill'], palette['danger-fill'])).toBeGreaterThanOrEqual(4.5)
  })

  it('console colours read on the console', () => {
    const { black: _ground, ...colours } = consolePalettes[theme]
    for (const [name, colour] of Object.entries(colours)) expect(contrast(colour, palette.sunken), name).toBeGreaterThanOrEqual(4.5)
  })
})
