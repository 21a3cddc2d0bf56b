import { describe, expect, it } from 'vitest'
import type { ExitReason } from '../state/records.ts'
import { transition, type AfterExit, type RunnerEvent, type RunnerState } from './server-state.ts'

const at = (state: RunnerState['state'], flags: Partial<RunnerState> = {}): RunnerState => ({
  state,
  startsAgain: false,
  isWaiting: false,
  ...flags,
})
const STATES: [string, RunnerState][] = [
  ['STOPPED', at('STOPPED')],
  ['STOPPED, a restart waits', at('STOPPED', { isWaiting: true })],
  ['STARTING', at('STARTING')],
  ['RUNNING', at('RUNNING')],
  ['STOPPING', at('STOPPING')],
  ['STOPPING, starts again', at('STOPPING', { startsAgain: true })],
  ['CRASHED', at('CRASHED')],
  ['CRASHED, a restart waits', at('CRASHED', { isWaiting: true })],
  ['ERROR', at('ERROR')],
]

const AFTER: Record<string, AfterExit> = {
  ACCEPT: { kind: 'ACCEPT' },
  RESTART: { kind: 'RESTART', restart: { attempt: 1, at: 'soon', reason: 'why' }, restarts: ['now'] },
  GIVE_UP: { kind: 'GIVE_UP', attempts: 3 },
  LOST: { kind: 'LOST' },
}
const exited = (reason: ExitReason, then: string): RunnerEvent => ({ kind: 'exited', code: 1, at: 'now', reason, then: AFTER[then]! })

const EVENTS: Record<string, RunnerEvent> = {
  'run!': { kind: 'wanted', desired: 'RUNNING', isNews: false },
  'run anew!': { kind: 'wanted', desired: 'RUNNING', isNews: true },
  'stop!': { kind: 'wanted', desired: 'STOPPED', isNews: false },
  'stop anew!': { kind: 'wanted', desired: 'STOPPED', isNews: true },
  'restart!': { kind: 'restart' },
  'kill!': { kind: 'kill' },
  ready: { kind: 'ready' },
  'start failed': { kind: 'startFailed', problem: { code: 'PORT_IN_USE', message: 'busy' } },
  'start cancelled': { kind: 'startCancelled' },
  'stop timed out': { kind: 'stopTimedOut' },
  'kill timed out': { kind: 'killTimedOut' },
  'ended cleanly, accepted': exited('STOPPED', 'ACCEPT'),
  'ended cleanly, restart': exited('STOPPED', 'RESTART'),
  'ended cleanly, too often': exited('STOPPED', 'GIVE_UP'),
  'crashed, accepted': exited('CRASHED', 'ACCEPT'),
  'crashed, restart': exited('CRASHED', 'RESTART'),
  'crashed, too often': exited('CRASHED', 'GIVE_UP'),
  'out of memory, restart': exited('OUT_OF_MEMORY', 'RESTART'),
  'killed, accepted': exited('KILLED', 'ACCEPT'),
  'lost with the machine': exited('UNKNOWN', 'LOST'),
  'restart due': { kind: 'restartDue' },
  'rebooted, start': { kind: 'rebooted', then: 'START' },
  'rebooted, stay': { kind: 'rebooted', then: 'STAY' },
}

/** State and effects in a few letters: `STOPPING+` starts again, `CRASHED~` waits. */
function word(from: RunnerState, event: RunnerEvent): string {
  const next = transition(from, event)
  const effects = next.effects.map((effect) => (effect.kind === 'problem' ? `problem:${effect.problem?.code ?? 'none'}` : effect.kind))
  return [`${next.state}${next.startsAgain ? '+' : ''}${next.isWaiting ? '~' : ''}`, ...effects].join(' ')
}

// The whole table: a change of it shows here line by line.
describe('every event in every state', () => {
  it.each(STATES)('%s', (_, from) => {
    expect(Object.fromEntries(Object.entries(EVENTS).map(([name, event]) => [name, word(from, event)]))).toMatchSnapshot()
  })
})

describe('rules that must hold', () => {
  const every = STATES.flatMap(([name, from]) =>
    Object.entries(EVENTS).map(([event, value]) => ({ name: `${name}: ${event}`, from, event: value, next: transition(from, value) })),
  )
  const kindsOf = (next: (typeof every)[number]['next']) => next.effects.map((effect) => effect.kind)

  it('a dead server is never told to stop or be killed', () => {
    for (const { name, from, next } of every) {
      if (!['STOPPED', 'CRASHED', 'ERROR'].includes(from.state)) continue
      expect(kindsOf(next), name).not.toContain('stop')
      expect(kindsOf(next), name).not.toContain('kill')
    }
  })

  it('only a server at rest is started, or one whose end was told', () => {
    for (const { name, from, event, next } of every) {
      if (!kindsOf(next).includes('start')) continue
      const isAtRest = ['STOPPED', 'CRASHED', 'ERROR'].includes(from.state)
      expect(isAtRest || ['exited', 'startFailed', 'startCancelled'].includes(event.kind), name).toBe(true)
      expect(next.state, name).toBe('STARTING')
    }
  })

  it('a restart waits only at rest, begins with its plan and ends with a start or a cancel', () => {
    for (const { name, from, next } of every) {
      if (next.isWaiting) expect(['STOPPED', 'CRASHED'], name).toContain(next.state)
      expect(kindsOf(next).includes('plan'), name).toBe(next.isWaiting && !from.isWaiting)
      expect(kindsOf(next).includes('cancelPlan'), name).toBe(from.isWaiting && !next.isWaiting)
    }
  })

  it('the latest wish wins while stopping', () => {
    const stopping = at('STOPPING')
    const again = at('STOPPING', { startsAgain: true })
    expect(transition(stopping, EVENTS['run anew!']!)).toMatchObject({ startsAgain: true })
    expect(transition(again, EVENTS['stop!']!)).toMatchObject({ startsAgain: false })
    expect(transition(again, exited('STOPPED', 'ACCEPT'))).toMatchObject({ state: 'STARTING' })
    expect(transition(again, EVENTS['kill!']!)).toMatchObject({ startsAgain: false })
  })
})
