import { characterStart, dropBefore, joinPieces, JOINED_BYTES, type ConsoleGap, type ConsolePiece } from './console-chunk.ts'
import type { ConsoleFeed } from './console-feed.ts'
import type { ConsoleStore } from './console-store.ts'

/** Reads one console backwards and forwards, from the disk and from what is not there yet. */
export type ConsoleHistory = {
  /** Pieces from a position on, up to `until`: some of them, and none only when there are none. What was pruned is a gap. */
  read(position: number, until: number): Promise<ConsolePiece[]>
  /**
   * Where the last `lines` lines before a position begin, or a later place when they have more than `mostBytes`. A last line
   * without its end counts as one.
   */
  startOfLines(before: number, lines: number, mostBytes: number): Promise<number>
}

const retentionGap = (from: number, to: number): ConsoleGap => ({ kind: 'GAP', from, to, reason: 'RETENTION' })

export function createConsoleHistory(serverId: string, feed: ConsoleFeed, store: ConsoleStore): ConsoleHistory {
  return {
    async read(position, until) {
      if (position >= until) return []
      const inMemory = feed.pending()[0]?.from ?? feed.head()
      // Looked at together with what is in memory, before anything is waited for: nothing can move from one to the other.
      const found = position >= inMemory ? feed.pending().filter((piece) => piece.to > position) : null
      const pieces = (found ?? (await store.next(serverId, position)) ?? []).filter((piece) => piece.to > position)
      const [first] = pieces
      const oldest = first?.from ?? inMemory
      if (oldest > position) return [retentionGap(position, Math.min(oldest, until))]
      const wanted = pieces.filter((piece) => piece.from < until).map((piece) => dropBefore(piece, position))
      return [...joinPieces(wanted, JOINED_BYTES)]
    },

    async startOfLines(before, lines, mostBytes) {
      const lowest = before - mostBytes
      let position = before
      /** Line ends to find: the one before each wanted line. */
      let left = lines
      /** Walks back through pieces; the start when it lies in them. */
      const walk = (pieces: readonly ConsolePiece[]): number | null => {
        for (const piece of pieces.toReversed()) {
          if (piece.from >= position) continue
          if (piece.kind === 'GAP') {
            position = piece.from
            continue
          }
          const bytes = piece.bytes.subarray(0, position - piece.from)
          // The very last byte may end the last line; it begins none.
          const searched = position === before ? bytes.subarray(0, -1) : bytes
          let offset = searched.length
          for (; left > 0; left -= 1) {
            const at = offset === 0 ? -1 : searched.lastIndexOf(10, offset - 1)
            if (at === -1) break
            offset = at
          }
          const isFound = left === 0
          const start = isFound ? piece.from + offset + 1 : piece.from
          if (start < lowest) return piece.from + characterStart(bytes, Math.max(0, lowest - piece.from))
          if (isFound) return start
          position = piece.from
        }
        return null
      }
      const recent = walk(feed.pending().slice())
      if (recent !== null) return recent
      for (;;) {
        const end = position
        const pieces = await store.previous(serverId, end)
        if (pieces === null) return position
        const start = walk(pieces)
        if (start !== null) return start
        if (position === end) return position
      }
    },
  }
}
