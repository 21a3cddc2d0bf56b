import { describe, expect, it } from 'vitest'
import type { Bucket } from './buckets.ts'
import { findGaps, type Life } from './gaps.ts'

const MINUTE = 60_000
const START = Date.parse('2026-11-26T12:00:00Z')
const at = (minutes: number) => START + minutes * MINUTE

/** One bucket a minute: `x` was measured, `.` was not. */
const buckets = (text: string) =>
  Array.from(text, (sign, index) => ({
    at: at(index),
    cpuPercent: sign === 'x' ? { minimum: 1, average: 1, maximum: 1 } : null,
  })) as Bucket[]
const life = (given: Partial<Life> = {}): Life => ({
  createdAt: at(-10_000),
  events: [],
  runsAtEnd: true,
  isAlwaysRunning: false,
  ...given,
})
function gaps(text: string, given: Partial<Life> = {}, now = at(10_000)) {
  const edges = { from: at(0), to: at(text.length) }
  return findGaps(buckets(text), MINUTE, edges, now, life(given)).map(({ from, to, cause }) => [
    (from - START) / MINUTE,
    (to - START) / MINUTE,
    cause,
  ])
}

describe('gaps', () => {
  it('are times of two minutes or more, at both ends too', () => {
    expect(gaps('..xx...x.xx..')).toEqual([
      [0, 2, 'UNMEASURED'],
      [4, 7, 'UNMEASURED'],
      [11, 13, 'UNMEASURED'],
    ])
    expect(gaps('xxxx')).toEqual([])
    expect(gaps('....')).toEqual([[0, 4, 'UNMEASURED']])
    expect(gaps('')).toEqual([])
  })

  it('do not reach into the future, and what is only late is none', () => {
    expect(gaps('xxxx........', {}, at(6.5))).toEqual([])
    expect(gaps('xxxx........', {}, at(7.5))).toEqual([[4, 7.5, 'UNMEASURED']])
  })

  it('are seen when the measurements end before the range does', () => {
    expect(findGaps(buckets('xx'), MINUTE, { from: at(0), to: at(10) }, at(10), life())).toEqual([
      { from: at(2), to: at(10), cause: 'UNMEASURED' },
    ])
  })

  it.each([
    ['stopped before it', [{ at: at(1.5), kind: 'EXITED' }], null, 'STOPPED'],
    [
      'stopped and started inside it',
      [
        { at: at(2.5), kind: 'EXITED' },
        { at: at(7.9), kind: 'STARTED' },
      ],
      null,
      'STOPPED',
    ],
    ['started before it', [{ at: at(-5), kind: 'STARTED' }], null, 'UNMEASURED'],
    ['started after it, with nothing before', [{ at: at(8), kind: 'STARTED' }], null, 'STOPPED'],
    ['ended after it, with nothing before', [{ at: at(9), kind: 'EXITED' }], null, 'UNMEASURED'],
    ['running now', [], true, 'UNMEASURED'],
    ['stopped now', [], false, 'STOPPED'],
    ['not known', [], null, 'UNKNOWN'],
    ['not known, with events that say nothing of it', [{ at: at(1), kind: 'METRICS_GAP' }], null, 'UNKNOWN'],
  ])('have the cause: %s', (_what, events, runsAtEnd, cause) => {
    expect(gaps('xx......xx', { events, runsAtEnd })).toEqual([[2, 8, cause]])
  })

  it('before there was anything are told apart, and nodes are always there', () => {
    expect(gaps('.....x', { createdAt: at(4.5) })).toEqual([[0, 5, 'BEFORE']])
    expect(gaps('.....x', { isAlwaysRunning: true, runsAtEnd: null })).toEqual([[0, 5, 'UNMEASURED']])
  })
})
