import { describe, expect, it } from 'vitest'
import { newRecord } from '../state/record-format.ts'
import type { Assignment, ServerRecord } from '../state/records.ts'
import { consequencesOf } from './effects.ts'
import { transition, type AfterExit, type RunnerEvent } from './server-state.ts'

const ASSIGNMENT = { serverId: 'a', generation: 3, isInstalled: true, consolePosition: 0 } as Assignment
const AT = '2030-01-01T00:00:00.000Z'

function after(change: Partial<ServerRecord>, event: RunnerEvent) {
  const record = { ...newRecord(ASSIGNMENT, 200_000), runId: 'run', ...change }
  const { state, startsAgain, restart } = record
  return consequencesOf(record, event, transition({ state, startsAgain, isWaiting: restart !== null }, event))
}
const crashed = (then: AfterExit): RunnerEvent => ({ kind: 'exited', code: 3, at: AT, reason: 'CRASHED', then })
const restart = { attempt: 2, at: AT, reason: 'Ended with code 3' }

describe('an end', () => {
  it('is stored and told with the plan that follows', () => {
    const { change, events } = after({ state: 'RUNNING', runningSince: AT }, crashed({ kind: 'RESTART', restart, restarts: [AT, AT] }))
    expect(change).toEqual({
      state: 'CRASHED',
      startsAgain: false,
      lastExit: { code: 3, reason: 'CRASHED', at: AT },
      runningSince: null,
      pendingExit: null,
      restart,
      restarts: [AT, AT],
    })
    expect(events).toEqual([
      { kind: 'EXITED', runId: 'run', code: 3, reason: 'CRASHED', at: AT, message: 'Ended with code 3' },
      { kind: 'RESTART_PLANNED', runId: 'run', attempt: 2, nextAt: AT, message: 'Ended with code 3' },
    ])
  })

  it('that is given up settles the wish', () => {
    const { change, events } = after({ state: 'RUNNING' }, crashed({ kind: 'GIVE_UP', attempts: 5 }))
    expect(change).toMatchObject({ state: 'CRASHED', settledGeneration: 3, problem: { code: 'CRASH_LIMIT' } })
    expect(events.map(({ kind, attempt }) => [kind, attempt])).toEqual([
      ['EXITED', undefined],
      ['GAVE_UP', 5],
    ])
  })

  it('with the machine says so', () => {
    const { change, events } = after({ state: 'RUNNING' }, { ...crashed({ kind: 'LOST' }), reason: 'UNKNOWN', code: null } as RunnerEvent)
    expect(change).toMatchObject({ state: 'STOPPED', lastExit: { code: null, reason: 'UNKNOWN' } })
    expect(change).not.toHaveProperty('settledGeneration')
    expect(events).toMatchObject([{ kind: 'EXITED', message: 'The machine was restarted.' }])
  })
})

describe('a start', () => {
  const waiting: Partial<ServerRecord> = {
    state: 'CRASHED',
    restart,
    restarts: [AT],
    settledGeneration: 0,
    wasKilled: true,
    stopSentAt: AT,
  }

  it('that was planned keeps the count of restarts', () => {
    const { change } = after(waiting, { kind: 'restartDue' })
    expect(change).toMatchObject({ state: 'STARTING', restart: null, startedGeneration: 3, wasKilled: false, stopSentAt: null })
    expect(change).not.toHaveProperty('restarts')
  })

  it.each<RunnerEvent>([{ kind: 'restart' }, { kind: 'wanted', desired: 'RUNNING', isNews: true }])(
    'that somebody wants begins a new count: %o',
    (event) => {
      expect(after(waiting, event).change).toMatchObject({ state: 'STARTING', restart: null, restarts: [] })
    },
  )

  it('by the boot policy is settled', () => {
    expect(after({ state: 'STOPPED' }, { kind: 'rebooted', then: 'START' }).change).toMatchObject({
      state: 'STARTING',
      settledGeneration: 3,
    })
  })
})

it('tells once that a game is ready', () => {
  expect(after({ state: 'STARTING' }, { kind: 'ready' }).events).toEqual([{ kind: 'READY', runId: 'run' }])
  expect(after({ state: 'RUNNING' }, { kind: 'ready' }).events).toEqual([])
})
