import type { Prisma } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import type { BusEvents } from '../../events/bus-events.ts'
import type { EventBus } from '../../events/event-bus.ts'

export type ServerEventKind = BusEvents['server']['kind']

/** Puts an event into a server's history, and tells it after the commit. */
export async function recordServerEvent(
  tx: Transaction,
  bus: EventBus,
  server: { id: string; ownerId: string },
  kind: ServerEventKind,
  data: Prisma.InputJsonObject,
  actorName: string | null,
): Promise<void> {
  const event = await tx.prisma.serverEvent.create({ data: { serverId: server.id, kind, data, actorName } })
  tx.afterCommit(() => {
    bus.publish('server', { serverId: server.id, ownerId: server.ownerId, sequence: Number(event.id), kind, occurredAt: event.occurredAt })
  })
}
