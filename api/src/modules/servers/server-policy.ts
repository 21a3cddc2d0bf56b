import type { Actor } from '../../lib/actor.ts'
import { ForbiddenError, NotFoundError } from '../../lib/errors.ts'
import type { Permission } from '../../lib/permissions.ts'

export function hasPermission(actor: Actor, permission: Permission): boolean {
  return actor.kind === 'system' || (actor.kind === 'user' && actor.permissions.has(permission))
}

/** Owners see their own servers; server:read-all shows everybody's. */
export function canSee(actor: Actor, server: { ownerId: string }): boolean {
  return (
    hasPermission(actor, 'server:read-all') ||
    (actor.kind === 'user' && actor.id === server.ownerId && actor.permissions.has('server:read'))
  )
}

/** @throws NotFoundError when it is not visible, ForbiddenError when it is but the right is missing */
export function demand(actor: Actor, server: { ownerId: string } | null, permission: Permission): void {
  if (server === null || !canSee(actor, server)) throw new NotFoundError('The server')
  if (!hasPermission(actor, permission)) throw new ForbiddenError(permission)
}
