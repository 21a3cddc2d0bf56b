import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Database, Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { SystemActor, UserActor } from '../../lib/actor.ts'
import type { Clock } from '../../lib/clock.ts'
import { InvalidCredentialsError, RateLimitedError } from '../../lib/errors.ts'
import { newId } from '../../lib/ids.ts'
import { isPermission, type Permission } from '../../lib/permissions.ts'
import { validate } from '../../lib/validate.ts'
import type { AuditService } from '../audit/audit-service.ts'
import type { Passwords } from './password.ts'
import { createSessionCache, type CachedSession } from './session-cache.ts'
import { createSignInLimiter } from './sign-in-limiter.ts'

export type SignInTransport = 'BEARER' | 'COOKIE'
export type SignInInput = { email: string; password: string; transport: SignInTransport }
export type SignIn = { actor: UserActor; token: string; expiresAt: Date }

/** Where a request comes from. */
export type Caller = { address: string | null; userAgent: string | null }

export type AuthService = {
  /** @throws ValidationError, InvalidCredentialsError, RateLimitedError */
  signIn(caller: Caller, input: SignInInput): Promise<SignIn>
  /** Ends the actor's own session: its sockets close, its token is worth nothing. */
  signOut(actor: UserActor): Promise<void>
  /** Ends all sessions of a user, in the caller's transaction. */
  revokeSessions(tx: Transaction, userId: string): Promise<void>
  /** The person behind a token; null for one that is unknown, expired or revoked. */
  authenticate(token: string, caller: Caller): Promise<UserActor | null>
  /** Word from another instance (`{ userId, sessionId }` as JSON) that sessions are over. */
  applyRevocation(payload: string): void
  /** Revocations may have been missed: everything is read again. */
  forgetSessions(): void
  /** Drops the sessions whose time is over. */
  dropExpired(): Promise<void>
}

/** Channel on which instances tell each other about revoked sessions. */
export const REVOCATION_CHANNEL = 'catalyst_session_revoked'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** A session ends this long after its last use, and at the latest so long after its sign-in. */
const IDLE_MS = 14 * DAY_MS
export const LONGEST_SESSION_MS = 90 * DAY_MS
/** Use is written down no more often. */
const TOUCH_MS = 5 * MINUTE_MS

const signInInput = z.object({
  email: z
    .string()
    .trim()
    .toLowerCase()
    .min(1, 'is missing')
    .max(254)
    .refine((text) => !text.includes('\0'), 'is no e-mail address'),
  password: z.string().min(1, 'is missing').max(1024),
  transport: z.enum(['BEARER', 'COOKIE']),
})

const revocation = z.object({ userId: z.string(), sessionId: z.string().nullable() })

const digest = (token: string) => createHash('sha256').update(token).digest()

/** Nobody is signed in yet: the record names whom it is about. */
const SIGN_IN: SystemActor = { kind: 'system', name: 'sign-in' }

export type AuthDeps = {
  db: Database
  bus: EventBus
  audit: AuditService
  passwords: Passwords
  clock: Clock
  /** False while word of revocations by other instances cannot arrive: then nothing is answered from the cache. */
  isListening: () => boolean
}

export function createAuthService({ db, bus, audit, passwords, clock, isListening }: AuthDeps): AuthService {
  const monotonicMs = () => clock.monotonicMs()
  const cache = createSessionCache(monotonicMs)
  const limiter = createSignInLimiter(monotonicMs)

  bus.on('session-revoked', ({ userId, sessionId }) => {
    cache.drop(userId, sessionId)
  })

  const readSession = async (tokenHash: Uint8Array<ArrayBuffer>): Promise<CachedSession | null> => {
    const session = await db.prisma.session.findUnique({
      where: { tokenHash },
      include: { user: { include: { roles: { include: { role: true } } } } },
    })
    const now = clock.now()
    if (session === null || session.expiresAt <= now) return null
    const { user } = session
    if (now.getTime() - session.lastUsedAt.getTime() > TOUCH_MS) {
      const expiresAt = new Date(Math.min(now.getTime() + IDLE_MS, session.createdAt.getTime() + LONGEST_SESSION_MS))
      await db.prisma.session.updateMany({ where: { id: session.id }, data: { lastUsedAt: now, expiresAt } })
      session.expiresAt = expiresAt
    }
    const permissions = new Set<Permission>(user.roles.flatMap(({ role }) => role.permissions.filter(isPermission)))
    const rights = [...permissions].sort().join(' ')
    const actor: UserActor = {
      kind: 'user',
      id: user.id,
      username: user.username,
      displayName: user.displayName,
      email: user.email,
      permissions,
      scopeKey: createHash('sha256')
        .update(`${permissions.has('server:read-all') ? '' : user.id} ${rights}`)
        .digest('base64url'),
      sessionId: session.id,
      address: null,
    }
    return { actor, expiresAt: session.expiresAt }
  }

  const authenticate: AuthService['authenticate'] = async (token, { address }) => {
    if (token.length === 0 || token.length > 200) return null
    const tokenHash = new Uint8Array(digest(token))
    const key = Buffer.from(tokenHash).toString('base64')
    const cached = isListening() ? cache.get(key) : null
    if (cached !== null && cached.expiresAt > clock.now()) return { ...cached.actor, address }
    const keep = cache.beginRead()
    const session = await readSession(tokenHash)
    if (session === null) return null
    keep(key, session)
    return { ...session.actor, address }
  }

  /** In the transaction: others hear of it exactly when it is true. This instance does not wait for the echo. */
  const announce = async (tx: Transaction, userId: string, sessionId: string | null) => {
    await tx.prisma.$executeRaw`select pg_notify(${REVOCATION_CHANNEL}, ${JSON.stringify({ userId, sessionId })})`
    tx.afterCommit(() => {
      bus.publish('session-revoked', { userId, sessionId })
    })
  }

  const openSession = async (user: { id: string; username: string }, caller: Caller, transport: SignInTransport) => {
    const token = randomBytes(32).toString('base64url')
    const now = clock.now()
    const expiresAt = new Date(now.getTime() + IDLE_MS)
    await db.transaction(async (tx) => {
      const id = newId()
      const data = { id, userId: user.id, tokenHash: new Uint8Array(digest(token)), transport, expiresAt, createdAt: now, lastUsedAt: now }
      await tx.prisma.session.create({ data: { ...data, address: caller.address, userAgent: caller.userAgent?.slice(0, 500) ?? null } })
      await tx.prisma.session.deleteMany({ where: { userId: user.id, expiresAt: { lt: now } } })
      const subject = { kind: 'user', id: user.id, name: user.username }
      await audit.record(tx, SIGN_IN, { action: 'session:sign-in', subject, change: { transport, sessionId: id }, address: caller.address })
    })
    return { token, expiresAt }
  }

  return {
    authenticate,

    async signIn(caller, input) {
      const { email, password, transport } = validate(signInInput, input)
      const wait = limiter.take(caller.address, email)
      if (wait > 0) throw new RateLimitedError(wait)
      const user = await db.prisma.user.findUnique({ where: { email } })
      if (!(await passwords.verify(user?.passwordHash ?? null, password)) || user === null) {
        const subject = { kind: 'user', id: user?.id ?? null, name: email }
        await db.transaction((tx) => audit.record(tx, SIGN_IN, { action: 'session:sign-in-refused', subject, address: caller.address }))
        throw new InvalidCredentialsError()
      }
      limiter.succeeded(caller.address, email)
      const { token, expiresAt } = await openSession(user, caller, transport)
      const actor = await authenticate(token, caller)
      if (actor === null) throw new InvalidCredentialsError()
      return { actor, token, expiresAt }
    },

    async signOut(actor) {
      await db.transaction(async (tx) => {
        await tx.prisma.session.deleteMany({ where: { id: actor.sessionId } })
        await audit.record(tx, actor, { action: 'session:sign-out', subject: { kind: 'user', id: actor.id, name: actor.username } })
        await announce(tx, actor.id, actor.sessionId)
      })
    },

    async revokeSessions(tx, userId) {
      await tx.prisma.session.deleteMany({ where: { userId } })
      await announce(tx, userId, null)
    },

    applyRevocation(payload) {
      bus.publish('session-revoked', revocation.parse(JSON.parse(payload)))
    },

    forgetSessions() {
      cache.clear()
    },

    async dropExpired() {
      await db.prisma.session.deleteMany({ where: { expiresAt: { lt: clock.now() } } })
    },
  }
}
