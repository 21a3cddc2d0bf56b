import type { UserActor } from '../../lib/actor.ts'

/** What a token stands for. */
export type CachedSession = { actor: UserActor; expiresAt: Date }

/** Sessions read lately, by token hash. Bounded in size and age; emptied when a session is revoked anywhere. */
export type SessionCache = {
  get(key: string): CachedSession | null
  /**
   * Stands for one read of the database: what it found is kept only if nothing was dropped meanwhile. Otherwise a
   * revocation between the read and the keeping would be forgotten.
   */
  beginRead(): (key: string, session: CachedSession) => void
  /** Drops one session, or with null all of the user's. */
  drop(userId: string, sessionId: string | null): void
  clear(): void
}

const LONGEST_AGE_MS = 30_000
const MOST_SESSIONS = 10_000

export function createSessionCache(monotonicMs: () => number): SessionCache {
  const sessions = new Map<string, CachedSession & { readAt: number }>()
  let drops = 0

  return {
    get(key) {
      const session = sessions.get(key)
      if (session === undefined) return null
      if (monotonicMs() - session.readAt < LONGEST_AGE_MS) return session
      sessions.delete(key)
      return null
    },
    beginRead() {
      const dropsBefore = drops
      return (key, session) => {
        if (drops !== dropsBefore) return
        sessions.delete(key)
        if (sessions.size >= MOST_SESSIONS) sessions.delete(sessions.keys().next().value ?? key)
        sessions.set(key, { ...session, readAt: monotonicMs() })
      }
    },
    drop(userId, sessionId) {
      drops += 1
      for (const [key, { actor }] of sessions)
        if (actor.id === userId && (sessionId === null || actor.sessionId === sessionId)) sessions.delete(key)
    },
    clear() {
      drops += 1
      sessions.clear()
    },
  }
}
