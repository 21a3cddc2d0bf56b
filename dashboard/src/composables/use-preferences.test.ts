import { beforeEach, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { createPreferences } from './use-preferences.ts'

const KEY = 'catalyst.preferences'
const preferences = () => createPreferences(localStorage, matchMedia('(prefers-color-scheme: dark)'))

beforeEach(() => {
  localStorage.clear()
})

it('keeps what was chosen on this device', async () => {
  const { choices } = preferences()
  expect(choices).toMatchObject({ theme: 'system', consoleFontSize: null })
  choices.theme = 'light'
  choices.consoleFontSize = 14.5
  await nextTick()
  expect(preferences().choices).toMatchObject({ theme: 'light', consoleFontSize: 14.5 })
})

it.each(['{', '{"theme":"pink","consoleFontSize":400}', '{"consoleFontSize":9.5}', '{"consoleFontSize":"x"}'])(
  'starts anew from what cannot be shown: %s',
  (stored) => {
    localStorage.setItem(KEY, stored)
    expect(preferences().choices).toMatchObject({ theme: 'system', consoleFontSize: null })
  },
)
