import { GraphQLError } from 'graphql'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { ForbiddenError, ValidationError } from '../lib/errors.ts'
import { createMaskError } from './mask-error.ts'

const wrap = (originalError: Error) => new GraphQLError(originalError.message, { path: ['servers'], originalError })

function createLog() {
  const lines: string[] = []
  return { lines, maskError: createMaskError(pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })) }
}

describe('maskError', () => {
  it('hides what was not expected, and logs it with the id that the client gets', () => {
    const { lines, maskError } = createLog()
    const masked = maskError(wrap(new Error('relation "User" does not exist')), 'request-1')
    expect(masked.toJSON()).toEqual({
      message: 'Something unexpected went wrong.',
      path: ['servers'],
      extensions: { code: 'INTERNAL', requestId: 'request-1' },
    })
    expect(lines.join('')).toContain('relation')
    expect(lines.join('')).toContain('request-1')
  })
  it('keeps the code of domain errors and what belongs to it', () => {
    const { lines, maskError } = createLog()
    expect(maskError(wrap(new ForbiddenError('server:kill')), 'r').extensions).toEqual({ code: 'FORBIDDEN', permission: 'server:kill' })
    const fields = [{ path: ['first'], message: 'is too big', code: 'TOO_BIG' }]
    expect(maskError(wrap(new ValidationError(fields)), 'r').extensions).toEqual({ code: 'VALIDATION', fields })
    expect(lines).toEqual([])
  })
  it("passes the caller's own mistakes", () => {
    const mistake = new GraphQLError('Cannot query field "x".')
    expect(createLog().maskError(mistake, 'r')).toBe(mistake)
  })
})
