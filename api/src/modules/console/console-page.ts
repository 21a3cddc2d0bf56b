import { characterStart, countLines, dropAfter, type ConsolePiece } from './console-chunk.ts'
import type { ConsoleHistory } from './console-history.ts'

/** Of one page; a line longer than this comes in several. */
const MOST_PAGE_BYTES = 2 ** 20

/** Where a page lies: before or after a position, from a time on, or at the end. */
export type PagePlace = { before: number } | { after: number }

/** The beginning of a chunk with at most so many whole lines and bytes; all of it when it fits. */
function firstLines(piece: ConsolePiece, lines: number, bytes: number): ConsolePiece {
  if (piece.kind === 'GAP') return piece
  let end = 0
  for (let left = lines; left > 0; left -= 1) {
    const at = piece.bytes.indexOf(10, end)
    end = at === -1 ? piece.bytes.length : at + 1
    if (at === -1) break
  }
  if (end <= bytes) return dropAfter(piece, piece.from + end)
  // Never nothing, and never half a character.
  const cut = characterStart(piece.bytes, bytes)
  return dropAfter(piece, piece.from + cut)
}

/** Pieces of a page in order. `end` is one past the last byte there is. */
export async function readPage(history: ConsoleHistory, place: PagePlace, lines: number, end: number): Promise<ConsolePiece[]> {
  const until = 'before' in place ? Math.min(place.before, end) : end
  let position = 'before' in place ? await history.startOfLines(until, lines, MOST_PAGE_BYTES) : place.after
  const page: ConsolePiece[] = []
  let linesLeft = 'before' in place ? Infinity : lines
  let bytesLeft = MOST_PAGE_BYTES
  while (position < until && linesLeft > 0 && bytesLeft > 0) {
    for (const piece of await history.read(position, until)) {
      const taken = firstLines(dropAfter(piece, until), linesLeft, bytesLeft)
      page.push(taken)
      position = taken.to
      if (taken.kind !== 'GAP') {
        linesLeft -= countLines(taken.bytes)
        bytesLeft -= taken.bytes.length
      }
      if (linesLeft <= 0 || bytesLeft <= 0 || taken.to < piece.to || position >= until) break
    }
  }
  return page
}
