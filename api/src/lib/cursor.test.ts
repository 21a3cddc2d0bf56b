import { describe, expect, it } from 'vitest'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { ValidationError } from './errors.ts'

describe('cursors', () => {
  it('come back as they were', () => {
    expect(decodeCursor(encodeCursor(['Näme', 'id']), 'text', 'text')).toEqual(['Näme', 'id'])
  })
  it.each(['', 'x', '%%', encodeCursor(['one']), encodeCursor(['a\0', 'b']), Buffer.from('[1,2]').toString('base64url')])(
    'refuse %j with the path',
    (cursor) => {
      expect(() => decodeCursor(cursor, 'text', 'text')).toThrow(ValidationError)
    },
  )

  it.each([
    ['id', 'x'],
    ['time', '2026-13-45T99:99:99.999Z'],
    ['time', '+275760-09-13T00:00:00.000Z'],
    ['number', '-1'],
    ['number', '9999999999999999999'],
    ['ipv4', '192.0.2.256'],
    ['ipv4', '192.0.2.'],
  ] as const)('refuse a %s that is %s', (part, text) => {
    expect(() => decodeCursor(encodeCursor([text]), part)).toThrow(ValidationError)
  })

  it.each([
    ['id', '018bcfe5-6800-7000-8000-000000000000'],
    ['time', '2026-01-31T12:00:00.000Z'],
    ['number', '999999999999999999'],
    ['ipv4', '192.0.2.255'],
  ] as const)('take a %s such as %s', (part, text) => {
    expect(decodeCursor(encodeCursor([text]), part)).toEqual([text])
  })
})
