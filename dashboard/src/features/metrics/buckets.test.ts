import { describe, expect, it } from 'vitest'
import { createTail, MEASURES, summaryOf, type Band, type Measure } from './buckets.ts'
import type { Series } from './metrics-fragments.ts'

const START = Date.parse('2026-11-26T12:00:00Z')
const MINUTE = 60_000
const iso = (ms: number) => new Date(ms).toISOString()
const band = (value: number): Band => ({ minimum: value - 1, average: value, maximum: value + 1 })

/** One bucket a minute; null is one without measurements. */
function series(values: readonly (number | null)[]): Series {
  const points = values.map((value, index) => ({
    at: iso(START + index * MINUTE),
    memoryLimitBytes: null,
    diskLimitBytes: null,
    ...(Object.fromEntries(MEASURES.map((name) => [name, value === null || name === 'containerCount' ? null : band(value)])) as Record<
      Measure,
      Band | null
    >),
  }))
  return { __typename: 'MetricSeries', stepSeconds: 60, from: iso(START), to: iso(START + values.length * MINUTE), points } as Series
}
const sample = (ms: number, cpuPercent: number) => ({ at: iso(ms), cpuPercent, memoryBytes: 5, memoryLimitBytes: 9 })

describe('live tail', () => {
  it('joins the bucket that has begun, each sample by the time it stands for', () => {
    // Read 30 s into the second bucket.
    const tail = createTail(series([10, 20]), START + 90_000)
    tail.add(sample(START + 105_000, 50))
    expect(tail.buckets[1]?.cpuPercent).toEqual({ minimum: 19, average: (20 * 30 + 50 * 15) / 45, maximum: 50 })
    tail.add(sample(START + 106_000, 8))
    expect(tail.buckets[1]?.cpuPercent).toEqual({ minimum: 8, average: (20 * 30 + 50 * 15 + 8) / 46, maximum: 50 })
    expect(tail.buckets[1]?.memoryLimitBytes).toBe(9)
    expect(tail.newestAt).toBe(START + 106_000)
  })

  it('leaves what its samples do not have, and every other bucket, as it was', () => {
    const tail = createTail(series([10, 20]), START + 90_000)
    const [first, second] = tail.buckets
    tail.add(sample(START + 100_000, 50))
    expect(tail.buckets[0]).toBe(first)
    expect(tail.buckets[1]).not.toBe(second)
    expect(tail.buckets[1]?.diskBytes).toEqual(band(20))
    expect(tail.buckets[1]?.containerCount).toBeNull()
  })

  it('begins new buckets, and leaves those without a sample empty', () => {
    const tail = createTail(series([10]), START + 59_000)
    tail.add(sample(START + 3 * MINUTE + 5000, 70))
    expect(tail.buckets.map(({ at, cpuPercent }) => [at - START, cpuPercent?.average ?? null])).toEqual([
      [0, 10],
      [MINUTE, null],
      [2 * MINUTE, null],
      [3 * MINUTE, 70],
    ])
  })

  it('takes the first sample of a bucket without measurements as it is', () => {
    const tail = createTail(series([null, null]), START + 90_000)
    tail.add(sample(START + 91_000, 33))
    expect(tail.buckets[1]?.cpuPercent).toEqual({ minimum: 33, average: 33, maximum: 33 })
  })

  it('passes over what is told twice or comes late', () => {
    const tail = createTail(series([10, 20]), START + 90_000)
    tail.add(sample(START + 100_000, 50))
    const before = tail.buckets
    tail.add(sample(START + 100_000, 99))
    tail.add(sample(START + 30_000, 99))
    expect(tail.buckets).toBe(before)
  })

  it('forgets what has left the range', () => {
    const tail = createTail(series([1, 2, 3]), START)
    tail.dropBefore(START + MINUTE + 1)
    expect(tail.buckets.map(({ at }) => at - START)).toEqual([MINUTE, 2 * MINUTE])
    tail.dropBefore(START)
    expect(tail.buckets).toHaveLength(2)
  })

  it('works on a series without buckets', () => {
    const tail = createTail(series([]), START)
    tail.add(sample(START + 65_000, 4))
    expect(tail.buckets.map(({ at }) => at)).toEqual([START + MINUTE])
  })
})

describe('summary', () => {
  it('is the mean of the averages and the highest with its time; gaps do not count', () => {
    const { buckets } = createTail(series([10, null, 30, 20]), START)
    expect(summaryOf(buckets, 'cpuPercent')).toEqual({ average: 20, maximum: 31, maximumAt: START + 2 * MINUTE })
    expect(summaryOf(buckets, 'containerCount')).toBeNull()
  })
})
