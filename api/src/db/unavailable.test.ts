import { expect, it } from 'vitest'
import { isUnavailable } from './unavailable.ts'

const withCode = (code: string, message = 'failed') => Object.assign(new Error(message), { code })

it.each([
  ['an administrator ended the connection', withCode('57P01')],
  ['too many connections', withCode('53300')],
  ['nobody listens', withCode('ECONNREFUSED')],
  ['written to a connection that had just gone', withCode('ERR_STREAM_DESTROYED')],
  ['Prisma could not reach it', withCode('P1001')],
  ['pg without a code', new Error('Client was closed and is not queryable')],
  ['inside of another error', new Error('query failed', { cause: withCode('57P03') })],
  ['inside of what Prisma tells of its driver', { code: 'P2010', meta: { driverAdapterError: { cause: { originalCode: '57P01' } } } }],
  ['one of several', new AggregateError([new Error('first'), withCode('ETIMEDOUT')])],
])('takes for away: %s', (_what, error) => {
  expect(isUnavailable(error)).toBe(true)
})

it.each([
  ['a value that is there already', withCode('23505')],
  ['a mistake in our SQL', withCode('42601')],
  ['any other error', new Error('id is missing')],
  ['no error at all', null],
])('takes for an answer: %s', (_what, error) => {
  expect(isUnavailable(error)).toBe(false)
})
