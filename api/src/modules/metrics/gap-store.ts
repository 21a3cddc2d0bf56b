import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { recordServerEvent } from '../servers/server-events.ts'

/** Finds the holes in the measurements of servers that ran on meanwhile, and puts them into their history. */
export type GapStore = {
  /** Told what has just been stored. */
  stored(samples: readonly { serverId: string; at: Date }[]): Promise<void>
}

/** Four measurements at the usual rate. */
const LONGEST_MS = 120_000

export function createGapStore({ db, bus }: { db: Database; bus: EventBus }): GapStore {
  /** Newest stored measurement of each server. */
  const newest = new Map<string, number>()

  /** What another instance, or this one in an earlier life, stored before `first`. */
  async function readNewest(serverId: string, first: Date): Promise<number> {
    const { rows } = await db.pool.query<{ at: Date | null }>(
      `select max(at) as at from series.server_sample where server_key = (select key from series.server where id = $1) and at < $2`,
      [serverId, first],
    )
    return rows[0]?.at?.getTime() ?? first.getTime()
  }

  async function record(serverId: string, from: number, to: number): Promise<void> {
    await db.transaction(async (tx) => {
      const server = await tx.prisma.server.findUnique({ where: { id: serverId }, select: { id: true, ownerId: true, runningSince: true } })
      // One that was stopped in between had nothing to measure.
      if (server?.runningSince == null || server.runningSince.getTime() > from) return
      const seconds = Math.round((to - from) / 1000)
      const message = `No measurements for ${String(seconds)} s from ${new Date(from).toISOString()} on.`
      await recordServerEvent(tx, bus, server, 'METRICS_GAP', { message }, null)
    })
  }

  return {
    async stored(samples) {
      const byTime = [...samples].sort((a, b) => a.at.getTime() - b.at.getTime())
      for (const { serverId, at } of byTime) {
        const before = newest.get(serverId) ?? (await readNewest(serverId, at))
        newest.set(serverId, Math.max(before, at.getTime()))
        if (at.getTime() - before > LONGEST_MS) await record(serverId, before, at.getTime())
      }
    },
  }
}
