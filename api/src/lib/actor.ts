import type { Permission } from './permissions.ts'

/** A signed-in person. */
export type UserActor = {
  kind: 'user'
  id: string
  username: string
  displayName: string
  email: string
  permissions: ReadonlySet<Permission>
  /** Equal for two actors exactly when every read answers both the same: live executions may be shared by it. */
  scopeKey: string
  sessionId: string
  /** Remote address of the connection; never taken from a header. */
  address: string | null
}

/** An agent with an open session; `id` is its node's. */
export type AgentActor = { kind: 'agent'; id: string; name: string; sessionId: string }

/** The product itself: start-up work, sweeps, the command line. */
export type SystemActor = { kind: 'system'; name: string }

/** Who acts: the first argument of every service method. */
export type Actor = UserActor | AgentActor | SystemActor

/** Start-up work and sweeps. */
export const SYSTEM: SystemActor = { kind: 'system', name: 'Catalyst' }

/** The name that histories and consoles show. */
export function nameOf(actor: Actor): string {
  return actor.kind === 'user' ? actor.username : actor.name
}
