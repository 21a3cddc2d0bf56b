import { describe, expect, it } from 'vitest'
import { betweenNotices, brokenNumbers, difference, stretches } from './flood.ts'

const chunk = (from: number, text: string) => ({ __typename: 'ConsoleChunk', from, to: from + text.length, text })
const gap = (from: number, to: number) => ({ __typename: 'ConsoleGap', from, to, reason: 'FLOOD' })

describe('the look at a flood', () => {
  it('takes lines that follow each other, and further ones behind a gap', () => {
    const list = stretches([chunk(0, 't 6\nout 7\nou'), chunk(12, 't 8\n'), gap(16, 20), gap(20, 30), chunk(30, 'out 12\nout 13\n')], 0, 99)
    expect(list.map(({ from, to }) => [from, to])).toEqual([
      [0, 16],
      [16, 30],
      [30, 44],
    ])
    expect(brokenNumbers(list)).toEqual([])
  })

  it.each([
    ['that is lost', 'out 1\nout 3\n'],
    ['that comes twice', 'out 1\nout 1\n'],
    ['that is torn', 'out 1\nut 2\n'],
  ])('finds a line %s', (_what, text) => {
    expect(brokenNumbers(stretches([chunk(0, text)], 0, 99))).toHaveLength(1)
  })

  it('finds lines that come again behind a gap', () => {
    expect(brokenNumbers(stretches([chunk(0, 'out 5\n'), gap(6, 9), chunk(9, 'out 5\n')], 0, 99))).toHaveLength(1)
  })

  it('takes a new run behind a notice, from its first line on', () => {
    const output = (from: number, text: string, kind: 'OUTPUT' | 'NOTICE' = 'OUTPUT') => ({
      __typename: 'ConsoleChunk' as const,
      from,
      to: from + text.length,
      kind,
      text,
      at: '',
      actor: null,
    })
    const events = (first: string) => [
      output(0, 'out 8\nout 9\nou'),
      output(14, 'Ended\n', 'NOTICE'),
      output(20, `printer ready\n${first}\n`),
    ]
    const breaches = (first: string) => betweenNotices(events(first)).flatMap((run) => brokenNumbers(stretches(run, 0, 99)))
    expect(breaches('out 1')).toEqual([])
    expect(breaches('out 2')).toEqual(['line 2 behind 0'])
  })

  it('tells views apart that are not the same', () => {
    const one = stretches([chunk(0, 'out 5\n'), gap(6, 9)], 0, 9)
    expect(difference(one, stretches([chunk(0, 'out '), chunk(4, '5\n'), gap(6, 9)], 0, 9))).toBeNull()
    expect(difference(one, stretches([chunk(0, 'out 6\n'), gap(6, 9)], 0, 9))).not.toBeNull()
    expect(difference(one, stretches([chunk(0, 'out 5\n')], 0, 9))).not.toBeNull()
  })
})
