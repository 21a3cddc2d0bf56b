import { createApp, type App, type InjectionKey } from 'vue'
import { createDashboardI18n, createPageTexts } from './plugins/i18n.ts'

/** Runs a composable as a component would, with the dashboard's English texts. `provide` adds what it injects. */
export async function inApp<T>(
  use: () => T,
  provide: readonly [InjectionKey<unknown> | string | symbol, unknown][] = [],
): Promise<{ result: T; app: App }> {
  const i18n = await createDashboardI18n('en')
  await createPageTexts(i18n)()
  const held: { result?: T } = {}
  const app = createApp({
    setup() {
      held.result = use()
      return () => null
    },
  }).use(i18n)
  for (const [key, value] of provide) app.provide(key, value)
  app.mount(document.createElement('div'))
  return { result: held.result as T, app }
}
