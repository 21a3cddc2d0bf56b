import { nextTick } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'
import type { Announcer } from '../composables/use-announcer.ts'
import { requireSession, type SessionGate } from './require-session.ts'
import { routes } from './routes.ts'

/** Router with its guards, in their order: session, texts, then title, focus and announcement. */
export function createDashboardRouter(
  session: SessionGate,
  translate: (key: string) => string,
  announcer: Announcer,
  loadPageTexts: () => Promise<void>,
) {
  const router = createRouter({
    history: createWebHistory(),
    routes,
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  })
  router.beforeEach((to) => requireSession(session, to))
  router.beforeResolve((to) => (to.meta.hasPageTexts === true ? loadPageTexts() : undefined))
  router.afterEach((to, from, failure) => {
    if (failure !== undefined) return
    const title = translate(to.meta.title)
    document.title = `${title} · Catalyst`
    if (to.path === from.path || from.matched.length === 0) return
    announcer.announce(title)
    void nextTick(() => {
      document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
    })
  })
  return router
}
