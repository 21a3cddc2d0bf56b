import type { Database } from '../../db/database.ts'
import type { BusEvents } from '../../events/bus-events.ts'
import { BusOverflowError, type EventBus } from '../../events/event-bus.ts'
import type { UserActor } from '../../lib/actor.ts'
import { canSee } from './server-policy.ts'
import type { ServerReadModel, ServerView } from './server-read-model.ts'

/** A change of a server with the server as it is then. */
export type ServerChange = { sequence: number; occurredAt: Date; kind: BusEvents['server']['kind']; server: ServerView }

/** What may wait for one viewer; more ends the feed, and the viewer begins anew. */
const MOST_WAITING = 1000

export type ServerFeedDeps = { db: Database; bus: EventBus; readModel: ServerReadModel }

/**
 * Changes of one server, or of all that the actor sees, until `signal` aborts. A node that comes or goes shows on all its
 * servers: those have no event of their own, so they carry the sequence of the last one.
 */
export async function* followServers(
  { db, bus, readModel }: ServerFeedDeps,
  actor: UserActor,
  serverId: string | null,
  signal: AbortSignal,
): AsyncGenerator<ServerChange, void, undefined> {
  const queue: (BusEvents['server'] | BusEvents['node'])[] = []
  let wake: (() => void) | null = null
  const push = (event: BusEvents['server'] | BusEvents['node']) => {
    queue.push(event)
    wake?.()
  }
  const offs = [
    bus.on('server', (event) => {
      if (canSee(actor, event) && (serverId === null || event.serverId === serverId)) push(event)
    }),
    bus.on('node', push),
  ]
  const abort = () => wake?.()
  signal.addEventListener('abort', abort)
  /** Of each server that was told: whether its node was away. */
  const told = new Map<string, boolean>()
  let sequence = 0

  async function* changesOf(event: BusEvents['server'] | BusEvents['node']): AsyncGenerator<ServerChange, void, undefined> {
    if ('serverId' in event) {
      const [server] = event.last === undefined ? await readModel.byIds(actor, [event.serverId]) : [event.last as ServerView]
      if (server === undefined) return
      sequence = event.sequence
      told.set(server.id, server.isStale)
      yield { sequence, occurredAt: event.occurredAt, kind: event.kind, server }
      return
    }
    const where = { nodeId: event.nodeId, deletedAt: null, ...(serverId === null ? {} : { id: serverId }) }
    const servers = await db.prisma.server.findMany({ where, select: { id: true } })
    for (const server of await readModel.byIds(
      actor,
      servers.map(({ id }) => id),
    )) {
      if (told.get(server.id) === server.isStale) continue
      told.set(server.id, server.isStale)
      yield { sequence, occurredAt: new Date(), kind: 'CHANGED', server }
    }
  }

  try {
    while (!signal.aborted) {
      if (queue.length > MOST_WAITING) throw new BusOverflowError('too many changes wait for this viewer')
      const event = queue.shift()
      if (event !== undefined) {
        yield* changesOf(event)
        continue
      }
      await new Promise<void>((resolve) => {
        wake = resolve
        if (signal.aborted) resolve()
      })
      wake = null
    }
  } finally {
    for (const off of offs) off()
    signal.removeEventListener('abort', abort)
  }
}
