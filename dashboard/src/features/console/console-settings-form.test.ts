import { expect, it } from 'vitest'
import { consoleChangesOf, consoleSettingsProblems, formOf } from './console-settings-form.ts'

const settings = { retentionMiB: 256, retentionDays: 30, isTerminal: false, floodLinesPerSecond: 20_000, floodBytesPerSecond: 4 * 2 ** 20 }

it('sends what was changed and nothing else', () => {
  const form = formOf(settings)
  expect(form.floodBytesPerSecond).toBe('4096')
  expect(consoleChangesOf(form, settings)).toBeNull()
  expect(consoleChangesOf({ ...form, floodBytesPerSecond: '512', retentionDays: ' 7 ' }, settings)).toEqual({
    floodBytesPerSecond: 512 * 1024,
    retentionDays: 7,
  })
  expect(consoleChangesOf({ ...form, isTerminal: true }, settings)).toEqual({ isTerminal: true })
  // What is no whole KiB stays as it is.
  expect(consoleChangesOf(formOf({ ...settings, floodBytesPerSecond: 100_000 }), { ...settings, floodBytesPerSecond: 100_000 })).toBeNull()
})

it('refuses what the api refuses', () => {
  const form = formOf(settings)
  expect(consoleSettingsProblems(form)).toEqual({})
  expect(
    consoleSettingsProblems({ ...form, retentionMiB: '0', retentionDays: '3651', floodLinesPerSecond: 'many', floodBytesPerSecond: '63' }),
  ).toEqual({
    retentionMiB: { key: 'field.minimum', named: { minimum: 1 } },
    retentionDays: { key: 'field.maximum', named: { maximum: 3650 } },
    floodLinesPerSecond: { key: 'field.number', named: {} },
    floodBytesPerSecond: { key: 'field.minimum', named: { minimum: 64 } },
  })
})
