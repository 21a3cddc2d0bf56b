import type { JournalGap } from './console-journal.ts'
import type { Piece } from './run-pieces.ts'

const LONGEST_SOUGHT_LINE = 4096

type ReadFile = (offset: number, length: number) => Buffer | null

/** The next offset that begins a line, or at least a character. */
function cleanOffset(read: ReadFile, offset: number, end: number): number {
  const bytes = read(offset, Math.min(LONGEST_SOUGHT_LINE, end - offset)) ?? Buffer.alloc(0)
  const lineEnd = bytes.indexOf(10)
  if (lineEnd !== -1) return offset + lineEnd + 1
  let skipped = 0
  while (skipped < 3 && ((bytes[skipped] ?? 0) & 0xc0) === 0x80) skipped += 1
  return offset + skipped
}

/** What of a run's file can be given up between two positions: the lines before and after stay whole. */
export function cutRanges(pieces: readonly Piece[], from: number, to: number, read: ReadFile): JournalGap[] {
  return pieces.flatMap((piece): JournalGap[] => {
    if (piece.kind !== 'file' || piece.from + piece.size <= from || piece.from >= to) return []
    const fileEnd = piece.fileOffset + piece.size
    const first = piece.fileOffset + Math.max(0, from - piece.from)
    const last = piece.fileOffset + Math.min(piece.size, to - piece.from)
    const fileOffset = first === piece.fileOffset ? first : cleanOffset(read, first, fileEnd)
    const end = last >= fileEnd ? fileEnd : cleanOffset(read, last, fileEnd)
    return end > fileOffset ? [{ fileOffset, size: end - fileOffset }] : []
  })
}

/** All of them in order; those that touch are one. */
export function mergeGaps(gaps: readonly JournalGap[]): JournalGap[] {
  const merged: JournalGap[] = []
  for (const gap of gaps.toSorted((a, b) => a.fileOffset - b.fileOffset)) {
    const last = merged.at(-1)
    if (last !== undefined && last.fileOffset + last.size === gap.fileOffset) last.size += gap.size
    else merged.push({ ...gap })
  }
  return merged
}
