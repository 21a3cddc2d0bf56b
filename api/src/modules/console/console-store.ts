import type { Database } from '../../db/database.ts'
import { countLines, type ConsolePiece } from './console-chunk.ts'
import { decodeSegment, encodeSegment } from './segment-codec.ts'

/** The agent's word for what stands before its first run. */
const NO_RUN = 'none'

/** The durable part of consoles: compressed segments, one row each. */
export type ConsoleStore = {
  /** One past the last durable byte. */
  end(serverId: string): Promise<number>
  /** First byte that is kept; null when nothing is stored. */
  start(serverId: string): Promise<number | null>
  /** Stores consecutive pieces. Repeating it is harmless. */
  append(serverId: string, pieces: readonly ConsolePiece[]): Promise<void>
  /** Pieces of the next segment that reaches beyond a position; null when there is none. */
  next(serverId: string, position: number): Promise<ConsolePiece[] | null>
  /** Pieces of the last segment that begins before a position; null when there is none. */
  previous(serverId: string, position: number): Promise<ConsolePiece[] | null>
  /** Pieces of the last `count` segments that begin before a position, the newest first. For reading very much. */
  before(serverId: string, position: number, count: number): Promise<ConsolePiece[][]>
  /** Pieces of the first segment that has text of a time or later; null when there is none. */
  since(serverId: string, at: Date): Promise<ConsolePiece[] | null>
}

type Row = { data: Buffer; from: string; to: string }

/** Where each run stands in some pieces. */
function runsIn(pieces: readonly ConsolePiece[]) {
  const runs = new Map<string, { id: string; from: number; to: number; startedAt: Date; endedAt: Date }>()
  for (const piece of pieces) {
    if (piece.kind === 'GAP' || piece.runId === NO_RUN) continue
    const run = runs.get(piece.runId)
    runs.set(piece.runId, {
      id: piece.runId,
      from: run?.from ?? piece.from,
      to: piece.to,
      startedAt: run?.startedAt ?? new Date(piece.at),
      endedAt: new Date(piece.at),
    })
  }
  return [...runs.values()]
}

/** What a segment row says about its pieces. */
export function describeSegment(pieces: readonly ConsolePiece[]) {
  const times = pieces.flatMap((piece) => (piece.kind === 'GAP' ? [] : [piece.at]))
  const startedAt = new Date(times[0] ?? Date.now())
  return {
    from: pieces[0]?.from ?? 0,
    to: pieces.at(-1)?.to ?? 0,
    lines: pieces.reduce((total, piece) => total + (piece.kind === 'GAP' ? 0 : countLines(piece.bytes)), 0),
    bytes: pieces.reduce((total, piece) => total + (piece.kind === 'GAP' ? 0 : piece.bytes.length), 0),
    startedAt,
    // Not the last: a clock may have gone back.
    endedAt: new Date(times.reduce((latest, time) => Math.max(latest, time), startedAt.getTime())),
  }
}

/** The pieces of a row. What cannot be read any more is a gap, so that the rest can. */
export async function piecesOf({ data, from, to }: Row): Promise<ConsolePiece[]> {
  try {
    return await decodeSegment(data)
  } catch {
    return [{ kind: 'GAP', from: Number(from), to: Number(to), reason: 'DAMAGED' }]
  }
}

const APPEND = `
  with segment as (
    insert into "ConsoleSegment" ("serverId", "fromPosition", "toPosition", "lineCount", "byteCount", "startedAt", "endedAt", data)
    select $1::uuid, $2, $3, $4, $5, $6, $7, $8 where exists (select 1 from "Server" where id = $1::uuid)
    on conflict do nothing returning 1
  )
  insert into "ConsoleRun" ("serverId", id, "fromPosition", "toPosition", "startedAt", "endedAt")
  select $1::uuid, run.* from unnest($9::text[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::timestamptz[]) run
  where exists (select 1 from segment)
  on conflict ("serverId", id) do update set "toPosition" = excluded."toPosition", "endedAt" = excluded."endedAt"`

/** Segments that were read lately: when many viewers come back at once they all want the same. */
const REMEMBERED_SEGMENTS = 16
const REMEMBERED_MS = 5000

export function createConsoleStore(db: Database, monotonicMs: () => number): ConsoleStore {
  const remembered: { serverId: string; from: number; to: number; pieces: Promise<ConsolePiece[]>; at: number }[] = []

  const remember = (serverId: string, row: Row) => {
    const segment = { serverId, from: Number(row.from), to: Number(row.to), pieces: piecesOf(row), at: monotonicMs() }
    remembered.push(segment)
    if (remembered.length > REMEMBERED_SEGMENTS) remembered.shift()
    return segment.pieces
  }
  const recall = (serverId: string, position: number) => {
    const oldest = monotonicMs() - REMEMBERED_MS
    return remembered.find(
      ({ at, ...segment }) => at > oldest && segment.serverId === serverId && segment.from <= position && segment.to > position,
    )
  }
  const read = async (text: string, name: string, serverId: string, position: number) => {
    const { rows } = await db.pool.query<Row>({ name, text, values: [serverId, position] })
    const [row] = rows
    return row === undefined ? null : remember(serverId, row)
  }
  const SEGMENT = 'select data, "fromPosition" as from, "toPosition" as to from "ConsoleSegment" where "serverId" = $1::uuid'
  return {
    async end(serverId) {
      const { _max } = await db.prisma.consoleSegment.aggregate({ where: { serverId }, _max: { toPosition: true } })
      return Number(_max.toPosition ?? 0n)
    },

    async start(serverId) {
      const { _min } = await db.prisma.consoleSegment.aggregate({ where: { serverId }, _min: { fromPosition: true } })
      return _min.fromPosition === null ? null : Number(_min.fromPosition)
    },

    async append(serverId, pieces) {
      if (pieces.length === 0) return
      const { from, to, lines, bytes, startedAt, endedAt } = describeSegment(pieces)
      const runs = runsIn(pieces)
      await db.pool.query({
        name: 'console-append',
        text: APPEND,
        values: [
          ...[serverId, from, to, lines, bytes, startedAt, endedAt, await encodeSegment(pieces)],
          ...[runs.map((run) => run.id), runs.map((run) => run.from), runs.map((run) => run.to)],
          ...[runs.map((run) => run.startedAt), runs.map((run) => run.endedAt)],
        ],
      })
    },

    next: async (serverId, position) =>
      recall(serverId, position)?.pieces ??
      read(
        `${SEGMENT} and "toPosition" > $2 and "fromPosition" >= coalesce((
          select "fromPosition" from "ConsoleSegment" where "serverId" = $1::uuid and "fromPosition" <= $2 order by "fromPosition" desc limit 1
        ), 0) order by "fromPosition" limit 1`,
        'console-next',
        serverId,
        position,
      ),

    previous: async (serverId, position) =>
      recall(serverId, position - 1)?.pieces ??
      read(`${SEGMENT} and "fromPosition" < $2 order by "fromPosition" desc limit 1`, 'console-previous', serverId, position),

    async before(serverId, position, count) {
      const text = `${SEGMENT} and "fromPosition" < $2 order by "fromPosition" desc limit $3`
      const { rows } = await db.pool.query<Row>({ name: 'console-before', text, values: [serverId, position, count] })
      return Promise.all(rows.map(piecesOf))
    },

    async since(serverId, at) {
      const text = `${SEGMENT} and "endedAt" >= $2 order by "endedAt", "fromPosition" limit 1`
      const { rows } = await db.pool.query<Row>({ name: 'console-since', text, values: [serverId, at] })
      return rows[0] === undefined ? null : piecesOf(rows[0])
    },
  }
}
