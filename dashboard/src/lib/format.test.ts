import { describe, expect, it } from 'vitest'
import { createFormat } from './format.ts'

const format = createFormat('en')

describe('format', () => {
  it('writes memory in the unit of its limit', () => {
    expect(format.ofLimit(9.83 * 2 ** 30, 12 * 2 ** 30)).toEqual({ value: '9.8', limit: '12\u00a0GiB' })
    expect(format.ofLimit(130 * 2 ** 20, 512 * 2 ** 20)).toEqual({ value: '130', limit: '512\u00a0MiB' })
    expect(format.ofLimit(0, 2 ** 30)).toEqual({ value: '0', limit: '1\u00a0GiB' })
  })

  it('writes rates decimal', () => {
    expect(format.rate(212_000)).toBe('212\u00a0kB/s')
    expect(format.rate(1_400_000)).toBe('1.4\u00a0MB/s')
    expect(format.rate(12)).toBe('12\u00a0B/s')
  })

  it('writes durations in two units', () => {
    expect(format.duration(((6 * 24 + 4) * 60 + 3) * 60_000)).toBe('6d 4h')
    expect(format.duration(61_000)).toBe('1m 1s')
    expect(format.duration(0)).toBe('0s')
    expect(format.duration(3_600_000)).toBe('1h')
  })

  it('writes times relative within a day', () => {
    const now = Date.parse('2026-05-02T12:00:00Z')
    expect(format.ago(now - 240_000, now)).toBe('4 min. ago')
    expect(format.ago(now + 40_000, now)).toBe('in 40 sec.')
    expect(format.ago(now - 400, now)).toBe('now')
    expect(format.ago('2025-01-02T12:00:00Z', now)).toContain('2025')
  })
})
