import 'vuetify/styles/core'
import './styles/fonts.css'
import './styles/base.css'
import { DefaultApolloClient } from '@vue/apollo-composable'
import { createApp, watch } from 'vue'
import App from './App.vue'
import { announcerKey, createAnnouncer } from './composables/use-announcer.ts'
import { connectionKey, createConnection } from './composables/use-connection.ts'
import { createMessages, messagesKey } from './composables/use-messages.ts'
import { createMinuteClock, minuteKey } from './composables/use-now.ts'
import { createPreferences, preferencesKey } from './composables/use-preferences.ts'
import { createSession, sessionKey } from './features/session/use-session.ts'
import { createApollo } from './plugins/apollo.ts'
import { createDashboardI18n, createPageTexts, preferredLanguage } from './plugins/i18n.ts'
import { createSocket, socketKey } from './plugins/socket.ts'
import { createDashboardVuetify } from './plugins/vuetify.ts'
import { reloadLostPage } from './router/reload-lost-page.ts'
import { createDashboardRouter } from './router/router.ts'
import { applyTheme } from './theme/apply-theme.ts'

// 1. The user's choices: colours stand before the first paint.
const preferences = createPreferences(window.localStorage, window.matchMedia('(prefers-color-scheme: dark)'))
const vuetify = createDashboardVuetify()
watch(
  preferences.theme,
  (name) => {
    applyTheme(name, document.documentElement)
    void vuetify.theme.change(name)
  },
  { immediate: true },
)

// 2. Texts.
const language = preferredLanguage(navigator.languages)
document.documentElement.lang = language
const i18n = await createDashboardI18n(language)

// 3. The api: one socket, one client, one session.
const announcer = createAnnouncer()
const connection = createConnection()
const socket = createSocket(`${window.location.origin.replace(/^http/, 'ws')}/graphql`, connection)
const apollo = createApollo(socket, () => {
  session.lost()
})
const session = createSession(apollo, socket)

// 4. Pages.
const router = createDashboardRouter(session, (key) => i18n.global.t(key), announcer, createPageTexts(i18n))
reloadLostPage(router, {
  events: window,
  storage: window.sessionStorage,
  load: (path) => {
    window.location.assign(path)
  },
})

// 5. The application.
createApp(App)
  .use(vuetify)
  .use(i18n)
  .use(router)
  .provide(DefaultApolloClient, apollo)
  .provide(socketKey, socket)
  .provide(sessionKey, session)
  .provide(preferencesKey, preferences)
  .provide(announcerKey, announcer)
  .provide(connectionKey, connection)
  .provide(messagesKey, createMessages(announcer))
  .provide(minuteKey, createMinuteClock())
  .mount('#app')
