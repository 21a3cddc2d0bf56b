import { describe, expect, it } from 'vitest'
import type { ConsolePiece } from './console-chunk.ts'
import type { ConsoleFeed } from './console-feed.ts'
import { createConsoleHistory } from './console-history.ts'
import type { ConsoleStore } from './console-store.ts'

const chunk = (from: number, text: string): ConsolePiece => {
  const bytes = Buffer.from(text)
  return { kind: 'OUTPUT', from, to: from + bytes.length, runId: 'r', at: 0, actor: null, bytes }
}
const gap = (from: number, to: number): ConsolePiece => ({ kind: 'GAP', from, to, reason: 'FLOOD' })
const show = (pieces: readonly ConsolePiece[]) =>
  pieces.map((piece) => (piece.kind === 'GAP' ? `${piece.reason} ${String(piece.from)}-${String(piece.to)}` : piece.bytes.toString()))

/** A history over stored segments and what is only in memory. */
function createScene(segments: ConsolePiece[][], pending: ConsolePiece[] = []) {
  const end = pending.at(-1)?.to ?? segments.at(-1)?.at(-1)?.to ?? 0
  const feed = { head: () => end, pending: () => pending } as Pick<ConsoleFeed, 'head' | 'pending'> as ConsoleFeed
  const store = {
    next: async (_id: string, position: number) => segments.find((segment) => (segment.at(-1)?.to ?? 0) > position) ?? null,
    previous: async (_id: string, position: number) => segments.findLast((segment) => (segment[0]?.from ?? 0) < position) ?? null,
  } as Pick<ConsoleStore, 'next' | 'previous'> as ConsoleStore
  return { history: createConsoleHistory('s', feed, store), end }
}

describe('reading on from a position', () => {
  const { history, end } = createScene([[chunk(10, 'one\n'), gap(14, 20)], [chunk(20, 'two\n')]], [chunk(24, 'three\n')])

  it('goes from the disk to what is in memory, piece by piece', async () => {
    expect(show(await history.read(12, end))).toEqual(['e\n', 'FLOOD 14-20'])
    expect(show(await history.read(20, end))).toEqual(['two\n'])
    expect(show(await history.read(24, end))).toEqual(['three\n'])
    expect(await history.read(end, end)).toEqual([])
  })

  it('says what was pruned', async () => {
    expect(show(await history.read(3, end))).toEqual(['RETENTION 3-10'])
  })
})

describe('the start of the last lines', () => {
  const { history, end } = createScene([[chunk(0, 'a\nbb\n'), gap(5, 9), chunk(9, 'ccc\n')], [chunk(13, 'dd')]], [chunk(15, 'dd\nee')])

  it.each([
    [1, 'ee'],
    [2, 'dddd\nee'],
    [3, 'ccc\ndddd\nee'],
    [4, 'bb\n'],
    [9, 'a\nbb\n'],
  ])('finds %i', async (lines, expected) => {
    const start = await history.startOfLines(end, lines, 1000)
    let text = ''
    for (let position = start; position < end;) {
      const pieces = await history.read(position, end)
      for (const piece of pieces) if (piece.kind !== 'GAP') text += piece.bytes.toString()
      position = pieces.at(-1)?.to ?? end
    }
    expect(text.startsWith(expected)).toBe(true)
    expect(text.endsWith('ee')).toBe(true)
  })

  it('does not count the end of the last line as another', async () => {
    // What is missing before it may have been of the same line.
    expect(await history.startOfLines(13, 1, 1000)).toBe(5)
    expect(await history.startOfLines(2, 1, 1000)).toBe(0)
  })

  it('begins later rather than giving too much, and never inside a character', async () => {
    const long = createScene([[chunk(0, `${'x'.repeat(50)}\n${'€'.repeat(100)}\n`)]])
    expect(await long.history.startOfLines(long.end, 1, 11)).toBe(51 + 97 * 3)
    expect(await long.history.startOfLines(long.end, 1, 400)).toBe(51)
  })
})
