import { describe, expect, it } from 'vitest'
import { createRateLimiter } from './rate-limiter.ts'

describe('rate limiter', () => {
  it('takes so many tries in a window, of each key by itself', () => {
    let now = 0
    const limiter = createRateLimiter(2, 10, () => now)
    expect([limiter.take('a'), limiter.take('a'), limiter.take('a')]).toEqual([0, 0, 10])
    expect(limiter.take('b')).toBe(0)
    now = 4_500
    expect(limiter.take('a')).toBe(6)
    now = 10_000
    expect(limiter.take('a')).toBe(0)
  })
  it('gives tries back', () => {
    const limiter = createRateLimiter(1, 10, () => 0)
    limiter.take('a')
    limiter.giveBack('a')
    limiter.giveBack('a')
    expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 10])
    limiter.reset('a')
    expect(limiter.take('a')).toBe(0)
  })
})
