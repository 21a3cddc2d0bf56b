import { expect, it } from 'vitest'
import { pssOf, slopePerMinute } from './footprint.ts'

it('finds the growth of a line with noise on both sides', () => {
  const points = [0, 10, 20, 30].map((seconds, index) => ({ seconds, value: 100 + seconds / 10 + (index % 2 === 0 ? 0.1 : -0.1) }))
  expect(slopePerMinute(points)).toBeCloseTo(6, 0)
  expect(slopePerMinute([{ seconds: 1, value: 1 }])).toBe(0)
})

it('measures this process, and nothing for one that is gone', () => {
  expect(pssOf(process.pid)).toBeGreaterThan(10)
  expect(pssOf(2 ** 30)).toBe(0)
})
