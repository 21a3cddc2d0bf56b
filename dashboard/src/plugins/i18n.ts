import { createI18n } from 'vue-i18n'
import en from '../locales/en.json'

const LANGUAGES = ['en', 'de'] as const
export type Language = (typeof LANGUAGES)[number]

/** The first language of the browser that the dashboard speaks; English otherwise. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split('-')[0] === language)
    if (found !== undefined) return found
  }
  return 'en'
}

/** Texts in the wanted language. English is the source and the fallback; others are loaded when needed. */
export async function createDashboardI18n(language: Language) {
  const messages: Record<string, typeof en> = { en }
  const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages })
  if (language === 'de') {
    const { default: german } = await import('../locales/de.json')
    i18n.global.setLocaleMessage('de', german)
    i18n.global.locale.value = 'de'
  }
  return i18n
}

/** Texts that no first load shows, in `locales/pages/`: read once, before the first page that shows some. */
export function createPageTexts(i18n: Awaited<ReturnType<typeof createDashboardI18n>>): () => Promise<void> {
  const load = async () => {
    const language = i18n.global.locale.value
    const { default: texts } = language === 'de' ? await import('../locales/pages/de.json') : await import('../locales/pages/en.json')
    i18n.global.mergeLocaleMessage(language, texts)
  }
  let loaded: Promise<void> | null = null
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = null
      throw error
    })
    return loaded
  }
}
