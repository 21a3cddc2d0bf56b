import type { DesiredState, ServerActivity, ServerState } from '@catalyst/prisma/client'
import type { ServerStatus } from '../../lib/server-status.ts'

export type StatusSource = {
  state: ServerState
  desiredState: DesiredState
  activity: ServerActivity
  installedAt: Date | null
  deletedAt: Date | null
  /** The restart after a crash that waits. */
  nextRestartAt: Date | null
  isStale: boolean
}

/** The one word that people see. {@link STATUS_SQL} says the same in SQL; a test holds them together. */
export function statusOf(server: StatusSource): ServerStatus {
  if (server.deletedAt !== null) return 'DELETING'
  const isInstalling = server.activity === 'INSTALLING'
  if (server.installedAt === null && !isInstalling) return 'NOT_INSTALLED'
  if (server.isStale) return 'UNKNOWN'
  if (isInstalling) return 'INSTALLING'
  const isUp = server.state === 'RUNNING' || server.state === 'STARTING'
  if (server.desiredState === 'STOPPED' && isUp) return 'STOPPING'
  // Until its restart comes, a crashed one shows as crashed.
  if (server.desiredState === 'RUNNING' && !isUp && server.state !== 'STOPPING' && server.nextRestartAt === null) return 'STARTING'
  return server.state
}

/** Over `s` (Server) and `n` (its Node). */
export const STATUS_SQL = `case
  when s."deletedAt" is not null then 'DELETING'
  when s."installedAt" is null and s.activity <> 'INSTALLING' then 'NOT_INSTALLED'
  when not n."isOnline" then 'UNKNOWN'
  when s.activity = 'INSTALLING' then 'INSTALLING'
  when s."desiredState" = 'STOPPED' and s.state in ('RUNNING', 'STARTING') then 'STOPPING'
  when s."desiredState" = 'RUNNING' and s.state in ('STOPPED', 'CRASHED', 'ERROR') and s."nextRestartAt" is null then 'STARTING'
  else s.state::text end`
