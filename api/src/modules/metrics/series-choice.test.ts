import { describe, expect, it } from 'vitest'
import { chooseSeries } from './series-choice.ts'

const NOW = new Date('2026-06-15T12:34:56.789Z')
const RETENTION = { sampleDays: 7, fiveMinuteDays: 90, hourDays: 730 }
const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Of a range that ends `ago` before now. */
const choose = (range: number, points = 300, ago = 0) =>
  chooseSeries(new Date(NOW.getTime() - ago - range), new Date(NOW.getTime() - ago), points, NOW, RETENTION)

describe('chooseSeries', () => {
  it.each([
    ['an hour', HOUR, 'sample', 60],
    ['six hours', 6 * HOUR, 'sample', 120],
    ['a day', DAY, '5m', 300],
    ['a week', 7 * DAY - 1000, '5m', 3600],
    ['a month', 30 * DAY, '1h', 3 * 3600],
    ['a quarter', 90 * DAY, '1h', 12 * 3600],
    ['a year', 365 * DAY, '1d', 2 * 86_400],
  ])('reads %s from the coarsest table that is fine enough', (_name, range, table, stepSeconds) => {
    expect(choose(range)).toMatchObject({ table, stepSeconds })
  })

  it('reads from what is still kept', () => {
    expect(choose(HOUR, 300, 10 * DAY)).toMatchObject({ table: '5m', stepSeconds: 300 })
    expect(choose(DAY, 300, 200 * DAY)).toMatchObject({ table: '1h', stepSeconds: 3600 })
    expect(choose(DAY, 300, 1000 * DAY)).toMatchObject({ table: '1d', stepSeconds: 86_400 })
  })

  it('covers the range with whole buckets, never more than asked for', () => {
    for (const range of [60_000, HOUR, 3 * HOUR, DAY, 8 * DAY, 29 * DAY, 400 * DAY, 3000 * DAY])
      for (const points of [10, 57, 300, 500]) {
        const { from, to, stepSeconds } = choose(range, points)
        const step = stepSeconds * 1000
        expect(from.getTime()).toBeLessThanOrEqual(NOW.getTime() - range)
        expect(to.getTime()).toBeGreaterThanOrEqual(NOW.getTime())
        expect((to.getTime() - from.getTime()) % step).toBe(0)
        expect((to.getTime() - from.getTime()) / step).toBeLessThanOrEqual(points)
      }
  })

  it('begins the buckets of days at midnight', () => {
    expect(choose(365 * DAY, 500).from.toISOString()).toMatch(/T00:00:00.000Z$/)
  })
})
