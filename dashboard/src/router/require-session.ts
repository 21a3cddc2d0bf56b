import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router'

export type SessionGate = { load(): Promise<unknown> }

/** Only local paths may follow a sign-in: anything else could lead to a stranger's page. */
export function safeNext(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) && !next.startsWith('/sign-in') ? next : '/servers'
}

/** Pages need a session, but for those marked public. An api that cannot be reached lets the page say so. */
export async function requireSession(session: SessionGate, to: RouteLocationNormalized): Promise<true | RouteLocationRaw> {
  let viewer: unknown
  try {
    viewer = await session.load()
  } catch {
    return true
  }
  if (to.name === 'sign-in') return viewer == null ? true : safeNext(to.query['next'])
  return viewer == null && to.meta.isPublic !== true ? { name: 'sign-in', query: { next: to.fullPath } } : true
}
