import { describe, expect, it } from 'vitest'
import type { ServerStatus } from '../../gql/graphql.ts'
import { bulkOutcome } from './bulk-outcome.ts'

const before = '2026-01-01T10:00:00.000Z'
const entry = (status: ServerStatus, more: object = {}) => ({
  isAnswered: true,
  refusal: null,
  runningSince: before,
  now: { status, state: 'RUNNING' as const, runningSince: before, waitingCommand: null },
  ...more,
})

describe('bulkOutcome', () => {
  it('is open until the api answered, whatever the state', () => {
    expect(bulkOutcome('stop', entry('STOPPED', { isAnswered: false }))).toBe('open')
  })

  it('keeps a refusal, also of a server that is gone', () => {
    expect(bulkOutcome('start', entry('RUNNING', { refusal: 'no' }))).toBe('refused')
    expect(bulkOutcome('start', entry('RUNNING', { refusal: 'no', now: null }))).toBe('refused')
  })

  it.each([
    ['start', 'STARTING', 'open'],
    ['start', 'RUNNING', 'done'],
    ['start', 'CRASHED', 'failed'],
    ['stop', 'STOPPING', 'open'],
    ['stop', 'STOPPED', 'done'],
    ['kill', 'CRASHED', 'done'],
    ['stop', 'UNKNOWN', 'waiting'],
    ['delete', 'DELETING', 'open'],
  ] as const)('%s and %s is %s', (verb, status, outcome) => {
    expect(bulkOutcome(verb, entry(status))).toBe(outcome)
  })

  it('takes a restart as done when another run is up, not while the old one still shows', () => {
    expect(bulkOutcome('restart', entry('RUNNING'))).toBe('open')
    const now = { status: 'RUNNING' as const, state: 'RUNNING' as const, runningSince: '2026-01-01T10:00:05.000Z', waitingCommand: null }
    expect(bulkOutcome('restart', entry('RUNNING', { now }))).toBe('done')
  })

  it('takes a server that is gone as deleted', () => {
    expect(bulkOutcome('delete', entry('DELETING', { now: null }))).toBe('done')
    expect(bulkOutcome('stop', entry('STOPPED', { now: null }))).toBe('failed')
  })
})
