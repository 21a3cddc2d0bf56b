import type { Database } from '../../db/database.ts'
import { collectYoungGarbage } from '../../lib/garbage.ts'
import { joinPieces, type ConsolePiece } from './console-chunk.ts'
import { describeSegment } from './console-store.ts'
import { decodeSegment, encodeSegment } from './segment-codec.ts'

/** A longer segment compresses hardly better: one of 1 MiB by 2 %. */
const MERGED_BYTES = 256 * 1024
/** A segment of this much, which a busy console writes by itself, is good as it is: merged it would be 3 % smaller. */
const SMALL_BYTES = 64 * 1024
/** Fewer segments than this are not worth writing again. */
const WORTH_MERGING = 8
/** Looked at together. */
const MOST_MERGED = 500

/** Segments that are remembered as damaged. */
const MOST_DAMAGED = 10_000

/** Of text that was read and written again. */
const MOST_GARBAGE_BYTES = 2 ** 20

type Segment = { from: string; to: string; bytes: number; startedAt: Date }

const dayOf = ({ startedAt }: Segment) => startedAt.toISOString().slice(0, 10)

/** Neighbours that together make a segment of a good size, with no damaged one among them. */
function groupsOf(segments: readonly Segment[], isDamaged: (segment: Segment) => boolean): Segment[][] {
  const groups: Segment[][] = []
  let open: Segment[] = []
  let bytes = 0
  const close = () => {
    // A group of a good size is done for good; a small one pays when it spares many rows.
    if (open.length > 1 && (bytes >= SMALL_BYTES || open.length >= WORTH_MERGING)) groups.push(open)
    open = []
    bytes = 0
  }
  for (const segment of segments) {
    if (isDamaged(segment)) {
      close()
      continue
    }
    const [first] = open
    // A day is the shortest time that consoles are kept: what is merged beyond it would be kept for longer than it may.
    const isOfDay = first === undefined || dayOf(first) === dayOf(segment)
    if (!isOfDay || open.at(-1)?.to !== segment.from || bytes + segment.bytes > MERGED_BYTES) close()
    open.push(segment)
    bytes += segment.bytes
  }
  close()
  return groups
}

const SMALL = `
  select "fromPosition" as from, "toPosition" as to, "byteCount" as bytes, "startedAt" from "ConsoleSegment"
  where "serverId" = $1::uuid and "fromPosition" >= $2 and "byteCount" < ${String(SMALL_BYTES)} order by "fromPosition" limit ${String(MOST_MERGED)}`

const READ = `
  select "fromPosition" as from, data from "ConsoleSegment"
  where "serverId" = $1::uuid and "fromPosition" between $2 and $3 order by "fromPosition"`

/** All or nothing: when the segments are not what they were read as, another process has been at them. */
const REPLACE = `
  with read as materialized (
    select "byteCount" from "ConsoleSegment" where "serverId" = $1::uuid and "fromPosition" between $2 and $3 order by "fromPosition" for update
  ), same as materialized (
    select from read having count(*) = $4 and sum("byteCount") = $5
  ), gone as (
    delete from "ConsoleSegment" where "serverId" = $1::uuid and "fromPosition" > $2 and "fromPosition" <= $3 and exists (select from same)
  )
  update "ConsoleSegment" set "toPosition" = $6, "lineCount" = $7, "startedAt" = $8, "endedAt" = $9, "byteCount" = $10, data = $11
  where "serverId" = $1::uuid and "fromPosition" = $2 and exists (select from same)`

/** Puts small neighbouring segments of consoles together. */
export function createSegmentMerge({ pool }: Pick<Database, 'pool'>) {
  let garbageBytes = 0
  /** Left out from the next time on. */
  const damaged = new Set<string>()
  const keyOf = (serverId: string, from: string) => `${serverId} ${from}`

  // Past Prisma, which would turn the bytes into text and back, several times over.
  async function mergeGroup(serverId: string, group: readonly Segment[]): Promise<void> {
    const [from, last] = [group[0]?.from, group.at(-1)?.from]
    const { rows } = await pool.query<{ from: string; data: Buffer }>({
      name: 'console-merge-read',
      text: READ,
      values: [serverId, from, last],
    })
    const pieces: ConsolePiece[] = []
    let isWhole = true
    for (const row of rows) {
      try {
        pieces.push(...(await decodeSegment(row.data)))
      } catch {
        isWhole = false
        if (damaged.size < MOST_DAMAGED) damaged.add(keyOf(serverId, row.from))
      }
    }
    // What cannot be read now stays as it is.
    if (!isWhole) return
    const merged = [...joinPieces(pieces, MERGED_BYTES)]
    const { lines, bytes, startedAt, endedAt } = describeSegment(merged)
    const read = [serverId, from, last, group.length, group.reduce((total, segment) => total + segment.bytes, 0)]
    await pool.query({
      name: 'console-merge',
      text: REPLACE,
      values: [...read, group.at(-1)?.to, lines, startedAt, endedAt, bytes, await encodeSegment(merged)],
    })
  }

  return {
    /** Safe when it is cut anywhere, and beside others that write, drop or merge. */
    async merge(serverId: string): Promise<void> {
      for (let after: string | undefined = '0'; after !== undefined;) {
        const { rows }: { rows: Segment[] } = await pool.query({ name: 'console-small', text: SMALL, values: [serverId, after] })
        for (const group of groupsOf(rows, ({ from }) => damaged.has(keyOf(serverId, from)))) {
          await mergeGroup(serverId, group)
          garbageBytes += group.reduce((total, segment) => total + segment.bytes, 0)
          if (garbageBytes < MOST_GARBAGE_BYTES) continue
          collectYoungGarbage()
          garbageBytes = 0
        }
        // The last group may be the beginning of a larger one.
        after = rows.length < MOST_MERGED ? undefined : rows.at(-1)?.from
      }
    },
  }
}
