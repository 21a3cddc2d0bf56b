import { describe, expect, it } from 'vitest'
import { edgesOf, isLive, readRange, rangeQuery, RANGES, shiftRange, zoomRange } from './time-range.ts'

const NOW = Date.parse('2026-11-26T12:00:00Z')
const at = (text: string) => Date.parse(text)

describe('range of an address', () => {
  it('is a day unless told', () => {
    expect(readRange({})).toEqual({ range: { key: '24h' }, isUnderstood: true })
    expect(readRange({ range: '30d', view: 'table' })).toEqual({ range: { key: '30d' }, isUnderstood: true })
  })

  it('is between two times when both are given, whatever else is', () => {
    const { range, isUnderstood } = readRange({ from: '2026-11-01T00:00:00Z', to: '2026-11-02T00:00:00+01:00', range: '1h' })
    expect(range).toEqual({ from: at('2026-11-01T00:00:00Z'), to: at('2026-11-01T23:00:00Z') })
    expect(isUnderstood).toBe(true)
  })

  it.each([
    { range: '2h' },
    { range: 'constructor' },
    { range: ['1h', '6h'] },
    { range: null },
    { from: '2026-11-01T00:00:00Z' },
    { from: 'yesterday', to: '2026-11-01T00:00:00Z' },
    { from: '1', to: '2' },
    { from: '2026-11-02T00:00:00Z', to: '2026-11-01T00:00:00Z' },
    { from: '2026-11-01T00:00:00Z', to: '2026-11-01T00:00:59Z' },
    { from: '1990-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' },
  ])('that makes no sense is not understood: %j', (query) => {
    expect(readRange(query)).toEqual({ range: { key: '24h' }, isUnderstood: false })
  })

  it.each([{ key: '24h' }, { key: '1y' }, { from: NOW - 120_000, to: NOW }] as const)('comes back from its address: %j', (range) => {
    expect(readRange(rangeQuery(range)).range).toEqual(range)
  })

  it('leaves the address of the default clean', () => {
    expect(rangeQuery({ key: '24h' })).toEqual({})
  })
})

describe('moving a range', () => {
  it('goes one length back, and forward up to now', () => {
    const earlier = shiftRange({ key: '6h' }, -1, NOW)
    expect(earlier).toEqual({ from: NOW - 2 * RANGES['6h'], to: NOW - RANGES['6h'] })
    expect(shiftRange(earlier, 1, NOW)).toEqual({ from: NOW - RANGES['6h'], to: NOW })
    expect(shiftRange(earlier, 1, NOW - 1)).toEqual({ key: '6h' })
    expect(shiftRange({ from: NOW - 700_000, to: NOW - 100_000 }, 1, NOW)).toEqual({ from: NOW - 600_000, to: NOW })
  })

  it('is live while it ends now', () => {
    expect(isLive({ key: '1y' }, NOW)).toBe(true)
    expect(isLive({ from: 0, to: NOW + 1 }, NOW)).toBe(true)
    expect(isLive({ from: 0, to: NOW }, NOW)).toBe(false)
    expect(edgesOf({ key: '1h' }, NOW)).toEqual({ from: NOW - 3_600_000, to: NOW })
  })

  it('zooms to whole seconds and not closer than five minutes', () => {
    expect(zoomRange({ from: 10_400, to: 700_600 })).toEqual({ from: 10_000, to: 701_000 })
    const close = zoomRange({ from: NOW, to: NOW + 1000 })
    expect(close.to - close.from).toBeGreaterThanOrEqual(300_000)
    expect((close.from + close.to) / 2).toBeCloseTo(NOW + 500, -3)
  })
})
