import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { recordNodeEvent } from '../nodes/node-events.ts'
import { recordServerEvent } from '../servers/server-events.ts'
import type { Subject } from './series.ts'

/** Finds the holes in the measurements of servers that ran on meanwhile, and of nodes, and puts them into their history. */
export type GapStore = {
  /** Told what has just been stored. */
  stored(samples: readonly { serverId: string; at: Date }[]): Promise<void>
  /** The same of a node. */
  nodeStored(nodeId: string, samples: readonly { at: Date }[]): Promise<void>
}

/** Four measurements at the usual rate. */
const LONGEST_MS = 120_000

export function createGapStore({ db, bus }: { db: Database; bus: EventBus }): GapStore {
  /** Newest stored measurement of each server and node. */
  const newest = new Map<string, number>()

  /** What another instance, or this one in an earlier life, stored before `first`. */
  async function readNewest(subject: Subject, id: string, first: Date): Promise<number> {
    const { rows } = await db.pool.query<{ at: Date | null }>(
      `select max(at) as at from series.${subject}_sample where ${subject}_key = (select key from series.${subject} where id = $1) and at < $2`,
      [id, first],
    )
    return rows[0]?.at?.getTime() ?? first.getTime()
  }

  async function recordOfServer(id: string, from: Date, to: Date): Promise<void> {
    await db.transaction(async (tx) => {
      const server = await tx.prisma.server.findUnique({ where: { id }, select: { id: true, ownerId: true, runningSince: true } })
      // One that was stopped in between had nothing to measure.
      if (server?.runningSince == null || server.runningSince > from) return
      await recordServerEvent(tx, bus, server, 'METRICS_GAP', { from: from.toISOString(), to: to.toISOString() }, null)
    })
  }

  const recordOfNode = (id: string, from: Date, to: Date) =>
    db.transaction((tx) => recordNodeEvent(tx, bus, id, 'METRICS_GAP', { from: from.toISOString(), to: to.toISOString() }))

  async function look(subject: Subject, samples: readonly { id: string; at: Date }[]): Promise<void> {
    for (const { id, at } of samples.toSorted((a, b) => a.at.getTime() - b.at.getTime())) {
      const before = newest.get(id) ?? (await readNewest(subject, id, at))
      newest.set(id, Math.max(before, at.getTime()))
      if (at.getTime() - before > LONGEST_MS) await (subject === 'server' ? recordOfServer : recordOfNode)(id, new Date(before), at)
    }
  }

  return {
    stored: (samples) =>
      look(
        'server',
        samples.map(({ serverId, at }) => ({ id: serverId, at })),
      ),
    nodeStored: (nodeId, samples) =>
      look(
        'node',
        samples.map(({ at }) => ({ id: nodeId, at })),
      ),
  }
}
