import type { Database } from '../../db/database.ts'
import { countLines, type ConsolePiece } from './console-chunk.ts'
import { decodeSegment, encodeSegment } from './segment-codec.ts'

/** The durable part of consoles: compressed segments, one row each. */
export type ConsoleStore = {
  /** One past the last durable byte. */
  end(serverId: string): Promise<number>
  /** Stores consecutive pieces. Repeating it is harmless. */
  append(serverId: string, pieces: readonly ConsolePiece[]): Promise<void>
  /** Pieces of the next segment that reaches beyond a position; null when there is none. */
  next(serverId: string, position: number): Promise<ConsolePiece[] | null>
  /** Pieces of the last segment that begins before a position; null when there is none. */
  previous(serverId: string, position: number): Promise<ConsolePiece[] | null>
}

export function createConsoleStore(db: Database): ConsoleStore {
  const read = async (text: string, name: string, values: unknown[]) => {
    const { rows } = await db.pool.query<{ data: Buffer }>({ name, text, values })
    const [row] = rows
    return row === undefined ? null : decodeSegment(row.data)
  }
  return {
    async end(serverId) {
      const { _max } = await db.prisma.consoleSegment.aggregate({ where: { serverId }, _max: { toPosition: true } })
      return Number(_max.toPosition ?? 0n)
    },

    async append(serverId, pieces) {
      const [first] = pieces
      const last = pieces.at(-1)
      if (first === undefined || last === undefined) return
      const times = pieces.flatMap((piece) => (piece.kind === 'GAP' ? [] : [piece.at]))
      const lines = pieces.reduce((total, piece) => total + (piece.kind === 'GAP' ? 0 : countLines(piece.bytes)), 0)
      const startedAt = new Date(times[0] ?? Date.now())
      await db.pool.query({
        name: 'console-append',
        text: `insert into "ConsoleSegment" ("serverId", "fromPosition", "toPosition", "lineCount", "startedAt", "endedAt", data)
          select $1::uuid, $2, $3, $4, $5, $6, $7 where exists (select 1 from "Server" where id = $1::uuid) on conflict do nothing`,
        values: [serverId, first.from, last.to, lines, startedAt, new Date(times.at(-1) ?? startedAt), await encodeSegment(pieces)],
      })
    },

    next: (serverId, position) =>
      read(
        'select data from "ConsoleSegment" where "serverId" = $1::uuid and "toPosition" > $2 order by "fromPosition" limit 1',
        'console-next',
        [serverId, position],
      ),

    previous: (serverId, position) =>
      read(
        'select data from "ConsoleSegment" where "serverId" = $1::uuid and "fromPosition" < $2 order by "fromPosition" desc limit 1',
        'console-previous',
        [serverId, position],
      ),
  }
}
