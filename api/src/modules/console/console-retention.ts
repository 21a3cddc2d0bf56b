import type { Database, Transaction } from '../../db/database.ts'
import { encodeSegment } from './segment-codec.ts'
import { createSegmentMerge } from './segment-merge.ts'

/** What is kept of consoles. */
export type ConsoleRetention = {
  /**
   * Merges what was written in small pieces, and drops what is older or more than each server keeps. Safe in several processes
   * at once and when it is cut anywhere: each step is one transaction, and done twice it changes nothing.
   * @throws AggregateError when some failed; the others are done
   */
  pruneConsoles(): Promise<void>
}

const SERVERS_AT_ONCE = 100
/** Namespace of the advisory locks. */
const LOCK = 'console retention '

export type ConsoleRetentionDeps = { db: Database; now: () => Date }

export function createConsoleRetention({ db, now }: ConsoleRetentionDeps): ConsoleRetention {
  const { merge } = createSegmentMerge(db)

  async function prune(tx: Transaction, serverId: string): Promise<void> {
    const server = await tx.prisma.server.findUnique({
      where: { id: serverId },
      select: { consoleRetentionMiB: true, consoleRetentionDays: true },
    })
    if (server === null) return
    const oldest = new Date(now().getTime() - server.consoleRetentionDays * 86_400_000)
    const mostBytes = server.consoleRetentionMiB * 2 ** 20
    // Clocks may go back: what is old is old with everything before it. The newest stays in any case: with it goes where the console ends, and positions would be used again.
    await tx.prisma.$executeRaw`
      with segment as (
        select "fromPosition", max("endedAt") over older as "endedAt", sum("byteCount") over newer as bytes, row_number() over newer as number
        from "ConsoleSegment" where "serverId" = ${serverId}::uuid
        window newer as (order by "fromPosition" desc), older as (order by "fromPosition")
      )
      delete from "ConsoleSegment" where "serverId" = ${serverId}::uuid and "fromPosition" <= (
        select max("fromPosition") from segment where number > 1 and (bytes > ${mostBytes} or "endedAt" < ${oldest})
      )`
    const newest = await tx.prisma.consoleSegment.findFirst({
      where: { serverId },
      orderBy: { fromPosition: 'desc' },
      select: { fromPosition: true, toPosition: true, byteCount: true, endedAt: true },
    })
    if (newest !== null && newest.byteCount > 0 && newest.endedAt < oldest) {
      const gap = { kind: 'GAP', from: Number(newest.fromPosition), to: Number(newest.toPosition), reason: 'RETENTION' } as const
      await tx.prisma.consoleSegment.update({
        where: { serverId_fromPosition: { serverId, fromPosition: newest.fromPosition } },
        data: { data: await encodeSegment([gap]), byteCount: 0, lineCount: 0 },
      })
    }
    await tx.prisma.$executeRaw`
      delete from "ConsoleRun" where "serverId" = ${serverId}::uuid and "toPosition" <= (
        select coalesce(min("fromPosition"), 0) from "ConsoleSegment" where "serverId" = ${serverId}::uuid and "byteCount" > 0
      )`
  }

  /** @returns false when another process is at it */
  function pruneServer(serverId: string): Promise<boolean> {
    return db.transaction(async (tx) => {
      const [lock] = await tx.prisma.$queryRaw<{ isMine: boolean }[]>`
        select pg_try_advisory_xact_lock(hashtextextended(${LOCK + serverId}, 0)) as "isMine"`
      if (lock?.isMine !== true) return false
      await prune(tx, serverId)
      return true
    })
  }

  async function tidy(serverId: string): Promise<void> {
    if (await pruneServer(serverId)) await merge(serverId)
  }

  return {
    async pruneConsoles() {
      const errors: unknown[] = []
      let last: string | null = null
      for (;;) {
        const servers: { id: string }[] = await db.prisma.server.findMany({
          where: { consoleSegments: { some: {} }, ...(last === null ? {} : { id: { gt: last } }) },
          select: { id: true },
          orderBy: { id: 'asc' },
          take: SERVERS_AT_ONCE,
        })
        for (const { id } of servers) await tidy(id).catch((error: unknown) => errors.push(error))
        last = servers.at(-1)?.id ?? null
        if (servers.length < SERVERS_AT_ONCE) break
      }
      if (errors.length > 0) throw new AggregateError(errors, `${String(errors.length)} consoles could not be tidied`)
    },
  }
}
