import { createApp, h, type App, type Component, type InjectionKey } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { announcerKey, createAnnouncer } from './composables/use-announcer.ts'
import { connectionKey, createConnection } from './composables/use-connection.ts'
import { createMessages, messagesKey } from './composables/use-messages.ts'
import { createMinuteClock, minuteKey } from './composables/use-now.ts'
import { createDashboardI18n, createPageTexts } from './plugins/i18n.ts'
import { createDashboardVuetify } from './plugins/vuetify.ts'
import { routes } from './router/routes.ts'

type Provided = readonly (readonly [InjectionKey<unknown> | string | symbol, unknown])[]

/** An application with the dashboard's English texts and what its components inject; `provided` adds to it. */
async function createTestApp(component: Component, provided: Provided) {
  const i18n = await createDashboardI18n('en')
  await createPageTexts(i18n)()
  const announcer = createAnnouncer()
  const messages = createMessages(announcer)
  const connection = createConnection()
  connection.opened()
  const app = createApp(component)
    .use(i18n)
    .use(createDashboardVuetify())
    .use(createRouter({ history: createMemoryHistory(), routes }))
    .provide(announcerKey, announcer)
    .provide(connectionKey, connection)
    .provide(messagesKey, messages)
    .provide(minuteKey, createMinuteClock())
  for (const [key, value] of provided) app.provide(key, value)
  return { app, messages, connection }
}

/** Runs a composable as a component would. */
export async function inApp<T>(use: () => T, provided: Provided = []): Promise<{ result: T; app: App }> {
  const held: { result?: T } = {}
  const { app } = await createTestApp(
    {
      setup() {
        held.result = use()
        return () => null
      },
    },
    provided,
  )
  app.mount(document.createElement('div'))
  return { result: held.result as T, app }
}

/** Shows a component in the document. `text()` is what can be read of it, `press` clicks the button with these words. */
export async function show(component: Component, props: Record<string, unknown>, provided: Provided = []) {
  const { app, messages, connection } = await createTestApp({ render: () => h(component, props) }, provided)
  const root = document.body.appendChild(document.createElement('div'))
  app.mount(root)
  const buttons = () => [...document.querySelectorAll('button')]
  const words = (element: Element) => element.textContent.replaceAll(/\s+/g, ' ').trim()
  return {
    root,
    messages,
    connection,
    text: () => words(root),
    buttons: () => buttons().map(words),
    press(name: string) {
      const found = buttons().find((button) => words(button) === name)
      if (found === undefined) throw new Error(`no button “${name}” among: ${buttons().map(words).join(', ')}`)
      found.click()
    },
    end() {
      app.unmount()
      root.remove()
    },
  }
}
