import { describe, expect, it } from 'vitest'
import { statusOf, type StatusSource } from './server-status.ts'

const server = (change: Partial<StatusSource>): StatusSource => ({
  state: 'STOPPED',
  desiredState: 'STOPPED',
  activity: 'NONE',
  installedAt: new Date(),
  deletedAt: null,
  nextRestartAt: null,
  isStale: false,
  ...change,
})

describe('the word for a server', () => {
  it.each([
    [{}, 'STOPPED'],
    [{ installedAt: null }, 'NOT_INSTALLED'],
    [{ installedAt: null, isStale: true }, 'NOT_INSTALLED'],
    [{ installedAt: null, activity: 'INSTALLING' }, 'INSTALLING'],
    [{ installedAt: null, activity: 'INSTALLING', isStale: true }, 'UNKNOWN'],
    [{ state: 'RUNNING', desiredState: 'RUNNING' }, 'RUNNING'],
    [{ state: 'RUNNING', desiredState: 'RUNNING', isStale: true }, 'UNKNOWN'],
    [{ state: 'RUNNING', desiredState: 'STOPPED' }, 'STOPPING'],
    [{ state: 'STARTING', desiredState: 'STOPPED' }, 'STOPPING'],
    [{ state: 'STOPPED', desiredState: 'RUNNING' }, 'STARTING'],
    [{ state: 'CRASHED', desiredState: 'RUNNING' }, 'STARTING'],
    [{ state: 'ERROR', desiredState: 'RUNNING' }, 'STARTING'],
    [{ state: 'CRASHED', desiredState: 'RUNNING', nextRestartAt: new Date() }, 'CRASHED'],
    [{ state: 'STARTING', desiredState: 'RUNNING', nextRestartAt: new Date() }, 'STARTING'],
    [{ state: 'STOPPING', desiredState: 'RUNNING' }, 'STOPPING'],
    [{ state: 'CRASHED' }, 'CRASHED'],
    [{ state: 'ERROR' }, 'ERROR'],
    [{ deletedAt: new Date(), state: 'RUNNING' }, 'DELETING'],
  ] as const)('%o is %s', (change, word) => {
    expect(statusOf(server(change))).toBe(word)
  })
})
