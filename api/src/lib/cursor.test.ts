import { describe, expect, it } from 'vitest'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { ValidationError } from './errors.ts'

describe('cursors', () => {
  it('come back as they were', () => {
    expect(decodeCursor(encodeCursor(['Näme', 'id']), 2)).toEqual(['Näme', 'id'])
  })
  it.each(['', 'x', '%%', encodeCursor(['one']), encodeCursor(['a\0', 'b']), Buffer.from('[1,2]').toString('base64url')])(
    'refuse %j with the path',
    (cursor) => {
      expect(() => decodeCursor(cursor, 2)).toThrow(ValidationError)
    },
  )
})
