import type { Transaction } from '../../db/database.ts'
import { once } from '../../db/idempotency.ts'
import { SYSTEM, type UserActor } from '../../lib/actor.ts'
import { ForbiddenError, NotFoundError } from '../../lib/errors.ts'
import { reachStep } from '../../lib/step.ts'
import { demand, hasPermission } from './server-policy.ts'
import { lockServer, type LockedServer } from './server-lock.ts'
import type { ServerServiceDeps } from './server-service.ts'
import { addTombstone, deleteServerRow } from './tombstone-store.ts'

export type RemoveInput = { id: string; force?: boolean | null | undefined; idempotencyKey?: string | null | undefined }

/**
 * Deletes a server: it is hidden at once, and its row, ports and room go when the node has confirmed that nothing of it is
 * left. By force they go now, although the game may still run there: what the node still has to be told is kept.
 * Id of the server. @throws NotFoundError, ForbiddenError, IdempotencyConflictError
 */
export function createServerRemoval({ db, bus, audit, samples, changes, readModel }: Omit<ServerServiceDeps, 'history'>) {
  async function removeByForce(tx: Transaction, actor: UserActor, server: LockedServer): Promise<void> {
    const ports = await tx.prisma.allocation.findMany({ where: { serverId: server.id }, select: { ip: true, port: true } })
    const [view] = await readModel.byIds(SYSTEM, [server.id])
    const last = { ...view, status: 'DELETING', deletedAt: new Date() }
    await changes.carryOut(tx, server, changes.decide(server, { kind: 'forceDelete' }), { actor, event: { kind: 'DELETE', last } })
    await addTombstone(tx, server.id)
    await deleteServerRow(tx, samples, server.id)
    await audit.record(tx, actor, {
      action: 'server:force-delete',
      subject: { kind: 'server', id: server.id, name: server.name },
      change: {
        nodeId: server.nodeId,
        wasNodeOnline: server.node.isOnline,
        freedPorts: ports.map(({ ip, port }) => `${ip}:${String(port)}`),
      },
    })
    tx.afterCommit(() => {
      bus.publish('node', { nodeId: server.nodeId })
    })
  }

  return async (actor: UserActor, { id, force, idempotencyKey }: RemoveInput): Promise<string> => {
    const isForced = force === true
    if (isForced && !hasPermission(actor, 'server:force-delete')) throw new ForbiddenError('server:force-delete')
    const { serverId } = await db.transaction((tx) =>
      once(tx, actor.id, 'deleteServer', idempotencyKey, { id, isForced }, async () => {
        // By force also one that waits for its node to confirm.
        const server = await lockServer(tx, id, { isDeletedToo: isForced })
        demand(actor, server, 'server:delete')
        if (server === null) throw new NotFoundError('The server')
        tx.afterCommit(() => {
          reachStep('wish:committed', server.id)
        })
        if (isForced) await removeByForce(tx, actor, server)
        else {
          await changes.carryOut(tx, server, changes.decide(server, { kind: 'delete' }), { actor, event: { kind: 'DELETE' } })
          await audit.record(tx, actor, { action: 'server:delete', subject: { kind: 'server', id: server.id, name: server.name } })
        }
        reachStep('wish:persisted', server.id)
        return { serverId: server.id }
      }),
    )
    return serverId
  }
}
