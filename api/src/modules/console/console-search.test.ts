import { expect, it } from 'vitest'
import type { ConsolePiece } from './console-chunk.ts'
import { searchConsole, type SearchQuery } from './console-search.ts'

const chunk = (from: number, text: string): ConsolePiece => {
  const bytes = Buffer.from(text)
  return { kind: 'OUTPUT', from, to: from + bytes.length, runId: 'r', at: 0, actor: null, bytes }
}

async function search(query: SearchQuery, segments: ConsolePiece[][]): Promise<string[]> {
  const left = [segments, []]
  const more = async () => left.shift() ?? []
  const { matches } = await searchConsole({ query, first: 100, more, monotonicMs: () => performance.now() })
  return matches.map(({ text }) => text)
}

it('gives others their turn between two segments', async () => {
  const segments = Array.from({ length: 20 }, (_, index) => [chunk((20 - index) * 10, 'some line\n')])
  let turns = 0
  const count = () => {
    turns += 1
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  expect(await search({ kind: 'text', text: 'line', matchCase: true }, segments)).toHaveLength(20)
  clearImmediate(next)
  expect(turns).toBeGreaterThanOrEqual(20)
})

it.each(['joined$', '^joined', '^joined$', 'd$'])('finds %s in lines of either kind of end', async (pattern) => {
  const segments = [[chunk(0, 'joined\r\n\r\njoined\nleft\r\njoined\r\n')]]
  expect(await search({ kind: 'regex', pattern, matchCase: false }, segments)).toEqual(['joined', 'joined', 'joined'])
})
