import { describe, expect, it } from 'vitest'
import { isId, newId } from './ids.ts'

describe('newId', () => {
  it('makes UUIDs of version 7 that sort by time', () => {
    const [earlier, later] = [newId(1_700_000_000_000), newId(1_700_000_000_001)]
    expect(earlier).toMatch(/^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(earlier < later).toBe(true)
    expect(isId(earlier)).toBe(true)
  })
  it.each(['', 'x', '018bcfe5-6800-7000-8000-00000000000', "018bcfe5-6800-7000-8000-000000000000'", '018bcfe568007000800000000000000g'])(
    '%j is no id',
    (text) => {
      expect(isId(text)).toBe(false)
    },
  )
})
