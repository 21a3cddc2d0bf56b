import type { JournalGap, JournalInsert, JournalRun } from './console-journal.ts'

/** Consecutive positions of a run that come from one place. */
export type Piece =
  /** `isOpen`: the game may write more behind it. */
  | { kind: 'file'; run: JournalRun; from: number; fileOffset: number; size: number; isOpen: boolean }
  | { kind: 'gap'; run: JournalRun; from: number; fileOffset: number; size: number }
  | { kind: 'insert'; run: JournalRun; from: number; insert: JournalInsert; size: number }

export const lengthOf = (insert: JournalInsert) => Buffer.byteLength(insert.text)

/**
 * Pieces of a run in order, with their positions.
 * @param size of its file
 */
export function layOut(run: JournalRun, size: number, inserts: readonly JournalInsert[], gaps: readonly JournalGap[]): Piece[] {
  const pieces: Piece[] = []
  let position = run.base
  let offset = 0
  const takeBytes = (until: number, isOpen: boolean) => {
    if (until <= offset) return
    pieces.push({ kind: 'file', run, from: position, fileOffset: offset, size: until - offset, isOpen })
    position += until - offset
    offset = until
  }
  const takeFile = (until: number, isOpen: boolean) => {
    for (const gap of gaps) {
      const gapEnd = Math.min(gap.fileOffset + gap.size, until)
      if (gapEnd <= offset || gap.fileOffset >= until) continue
      takeBytes(gap.fileOffset, false)
      pieces.push({ kind: 'gap', run, from: position, fileOffset: offset, size: gapEnd - offset })
      position += gapEnd - offset
      offset = gapEnd
    }
    takeBytes(until, isOpen)
  }
  for (const insert of inserts) {
    takeFile(Math.min(insert.fileOffset, size), false)
    pieces.push({ kind: 'insert', run, from: position, insert, size: lengthOf(insert) })
    position += lengthOf(insert)
  }
  takeFile(size, run.size === null)
  return pieces
}
