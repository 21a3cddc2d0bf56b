import type { Database, Transaction } from '../../db/database.ts'
import { joinPieces, type ConsolePiece } from './console-chunk.ts'
import { describeSegment, piecesOf } from './console-store.ts'
import { encodeSegment } from './segment-codec.ts'

/** What is kept of consoles. */
export type ConsoleRetention = {
  /**
   * Merges what was written in small pieces, and drops what is older or more than each server keeps. Safe in several processes
   * at once and when it is cut anywhere: a server's work is one transaction under a lock, and done twice it changes nothing.
   */
  pruneConsoles(): Promise<void>
}

/** A segment that is read at once, and long enough to compress well. */
const MERGED_BYTES = 2 ** 20
const SMALL_BYTES = MERGED_BYTES / 2
/** Fewer segments than this are not worth writing again. */
const WORTH_MERGING = 8
/** Of one transaction. */
const MOST_MERGED = 500
const SERVERS_AT_ONCE = 100
/** Namespace of the advisory locks. */
const LOCK = 'console retention '

type Segment = { from: bigint; to: bigint; bytes: number }

export type ConsoleRetentionDeps = { db: Database; now: () => Date }

/** Neighbours that together make a segment of a good size. */
function groupsOf(segments: readonly Segment[]): Segment[][] {
  const groups: Segment[][] = []
  let open: Segment[] = []
  let bytes = 0
  const close = () => {
    // A group that is nearly full is done for good; a small one pays when it spares many rows.
    if (open.length > 1 && (bytes >= SMALL_BYTES || open.length >= WORTH_MERGING)) groups.push(open)
    open = []
    bytes = 0
  }
  for (const segment of segments) {
    const isNext = open.at(-1)?.to === segment.from
    if (!isNext || segment.bytes >= SMALL_BYTES || bytes + segment.bytes > MERGED_BYTES) close()
    if (segment.bytes >= SMALL_BYTES) continue
    open.push(segment)
    bytes += segment.bytes
  }
  close()
  return groups
}

export function createConsoleRetention({ db, now }: ConsoleRetentionDeps): ConsoleRetention {
  /** Merges some small segments from a position on; where to go on, or null at the end. */
  async function merge(tx: Transaction, serverId: string, after: bigint): Promise<bigint | null> {
    const segments = await tx.prisma.$queryRaw<Segment[]>`
      select "fromPosition" as from, "toPosition" as to, "byteCount" as bytes from "ConsoleSegment"
      where "serverId" = ${serverId}::uuid and "fromPosition" >= ${after} and "byteCount" < ${SMALL_BYTES} order by "fromPosition" limit ${MOST_MERGED}`
    for (const group of groupsOf(segments)) {
      const [from, to] = [group[0]?.from ?? 0n, group.at(-1)?.from ?? 0n]
      const where = { serverId, fromPosition: { gte: from, lte: to } }
      const rows = await tx.prisma.consoleSegment.findMany({ where, orderBy: { fromPosition: 'asc' } })
      const pieces: ConsolePiece[] = []
      for (const row of rows)
        pieces.push(...(await piecesOf({ data: Buffer.from(row.data), from: String(row.fromPosition), to: String(row.toPosition) })))
      const merged = [...joinPieces(pieces, MERGED_BYTES)]
      const { lines, bytes, startedAt, endedAt } = describeSegment(merged)
      await tx.prisma.consoleSegment.deleteMany({ where })
      await tx.prisma.consoleSegment.create({
        data: {
          serverId,
          fromPosition: from,
          toPosition: group.at(-1)?.to ?? 0n,
          lineCount: lines,
          byteCount: bytes,
          startedAt,
          endedAt,
          data: await encodeSegment(merged),
        },
      })
      // Many small buffers that nobody needs any more: freed while they are young, they do not tear up malloc's heap.
      globalThis.gc?.({ type: 'minor' })
    }
    // The last group may be the beginning of a larger one.
    return segments.length < MOST_MERGED ? null : (segments.at(-1)?.from ?? null)
  }

  async function prune(tx: Transaction, serverId: string): Promise<void> {
    const server = await tx.prisma.server.findUnique({
      where: { id: serverId },
      select: { consoleRetentionMiB: true, consoleRetentionDays: true },
    })
    if (server === null) return
    const oldest = new Date(now().getTime() - server.consoleRetentionDays * 86_400_000)
    const mostBytes = server.consoleRetentionMiB * 2 ** 20
    // The newest stays in any case: with it goes where the console ends, and positions would be used again.
    await tx.prisma.$executeRaw`
      with segment as (
        select "fromPosition", "endedAt", sum("byteCount") over newer as bytes, row_number() over newer as number
        from "ConsoleSegment" where "serverId" = ${serverId}::uuid window newer as (order by "fromPosition" desc)
      )
      delete from "ConsoleSegment" where "serverId" = ${serverId}::uuid and "fromPosition" <= (
        select max("fromPosition") from segment where number > 1 and (bytes > ${mostBytes} or "endedAt" < ${oldest})
      )`
    const newest = await tx.prisma.consoleSegment.findFirst({ where: { serverId }, orderBy: { fromPosition: 'desc' } })
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

  /** Where to go on with the merging; null when all is done, or another process is at it. */
  function work(serverId: string, after: bigint): Promise<bigint | null> {
    return db.transaction(async (tx) => {
      const [lock] = await tx.prisma.$queryRaw<{ isMine: boolean }[]>`
        select pg_try_advisory_xact_lock(hashtextextended(${LOCK + serverId}, 0)) as "isMine"`
      if (lock?.isMine !== true) return null
      await prune(tx, serverId)
      return merge(tx, serverId, after)
    })
  }

  return {
    async pruneConsoles() {
      let last: string | null = null
      for (;;) {
        const servers: { id: string }[] = await db.prisma.server.findMany({
          where: { consoleSegments: { some: {} }, ...(last === null ? {} : { id: { gt: last } }) },
          select: { id: true },
          orderBy: { id: 'asc' },
          take: SERVERS_AT_ONCE,
        })
        for (const { id } of servers) for (let after: bigint | null = 0n; after !== null;) after = await work(id, after)
        last = servers.at(-1)?.id ?? null
        if (servers.length < SERVERS_AT_ONCE) break
      }
      // What was read and written again is garbage in large buffers, which the engine alone would keep for minutes.
      await globalThis.gc?.({ type: 'major', execution: 'async' })
    },
  }
}
