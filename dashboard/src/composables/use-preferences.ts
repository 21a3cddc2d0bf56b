import { computed, reactive, readonly, ref, watch, type InjectionKey } from 'vue'
import type { ThemeName } from '../theme/tokens.ts'
import { injectStrict } from './inject-strict.ts'

export type ThemeChoice = ThemeName | 'system'

type Choices = {
  theme: ThemeChoice
  /** Icons only, at any width. */
  hasRail: boolean
  /** Times before console lines; null follows the width of the screen. */
  consoleTimes: boolean | null
  consoleScreenReader: boolean
  /** Pixels; null follows the width of the screen. */
  consoleFontSize: number | null
}

/** Pixels. Smaller is not read well, larger leaves no room for a line. */
export const CONSOLE_FONT_SIZES = { smallest: 10, largest: 18 }

const STORAGE_KEY = 'catalyst.preferences'
const DEFAULTS: Choices = { theme: 'system', hasRail: false, consoleTimes: null, consoleScreenReader: false, consoleFontSize: null }

function stored(storage: Storage): Choices {
  try {
    const value: unknown = JSON.parse(storage.getItem(STORAGE_KEY) ?? '{}')
    const choices = { ...DEFAULTS, ...(value as Partial<Choices>) }
    const { smallest, largest } = CONSOLE_FONT_SIZES
    const size = Number(choices.consoleFontSize)
    return {
      ...choices,
      theme: ['system', 'dark', 'light'].includes(choices.theme) ? choices.theme : DEFAULTS.theme,
      consoleFontSize: size >= smallest && size <= largest ? size : null,
    }
  } catch {
    // Written by another version or by hand: start anew.
    return { ...DEFAULTS }
  }
}

/** The user's choices on this device, kept in local storage. */
export function createPreferences(storage: Storage, systemIsDark: MediaQueryList) {
  const choices = reactive(stored(storage))
  const isSystemDark = ref(systemIsDark.matches)
  systemIsDark.addEventListener('change', (event) => {
    isSystemDark.value = event.matches
  })
  watch(choices, (value) => {
    storage.setItem(STORAGE_KEY, JSON.stringify(value))
  })
  return {
    choices,
    /** The theme to show: the choice, or what the system wants. */
    theme: readonly(computed<ThemeName>(() => (choices.theme === 'system' ? (isSystemDark.value ? 'dark' : 'light') : choices.theme))),
  }
}

export type Preferences = ReturnType<typeof createPreferences>
export const preferencesKey: InjectionKey<Preferences> = Symbol('preferences')
export const usePreferences = () => injectStrict(preferencesKey)
