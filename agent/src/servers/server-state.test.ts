import { describe, expect, it } from 'vitest'
import { transition, type RunnerEvent, type RunnerState } from './server-state.ts'

const STATES: RunnerState[] = [
  { state: 'STOPPED', startsAgain: false },
  { state: 'STARTING', startsAgain: false },
  { state: 'RUNNING', startsAgain: false },
  { state: 'STOPPING', startsAgain: false },
  { state: 'STOPPING', startsAgain: true },
  { state: 'CRASHED', startsAgain: false },
  { state: 'ERROR', startsAgain: false },
]

const exited = (code: number | null, outOfMemory = false, wasKilled = false): RunnerEvent => ({
  kind: 'exited',
  exit: { code, outOfMemory, wasKilled },
})

const EVENTS: Record<string, RunnerEvent> = {
  'run!': { kind: 'wanted', desired: 'RUNNING' },
  'stop!': { kind: 'wanted', desired: 'STOPPED' },
  'restart!': { kind: 'restart' },
  'kill!': { kind: 'kill' },
  ready: { kind: 'ready' },
  'start failed': { kind: 'startFailed', problem: { code: 'PORT_IN_USE', message: 'busy' } },
  'start cancelled': { kind: 'startCancelled' },
  'stop timed out': { kind: 'stopTimedOut' },
  'kill timed out': { kind: 'killTimedOut' },
  'exit 0': exited(0),
  'exit 1': exited(1),
  'exit ?': exited(null),
  'out of memory': exited(137, true),
  killed: exited(137, false, true),
}

/** State and effects in a few letters: `STOPPING+` starts again. */
function word(from: RunnerState, event: RunnerEvent): string {
  const next = transition(from, event)
  const effects = next.effects.map((effect) =>
    effect.kind === 'exit'
      ? `exit:${effect.reason}`
      : effect.kind === 'problem'
        ? `problem:${effect.problem?.code ?? 'none'}`
        : effect.kind,
  )
  return [`${next.state}${next.startsAgain ? '+' : ''}`, ...effects].join(' ')
}

// The whole table: a change of it shows here line by line.
describe('every event in every state', () => {
  it.each(STATES)('$state, starts again: $startsAgain', (from) => {
    expect(Object.fromEntries(Object.entries(EVENTS).map(([name, event]) => [name, word(from, event)]))).toMatchSnapshot()
  })
})

describe('rules that must hold', () => {
  it.each(STATES)('a dead server is never told to stop or be killed ($state)', (from) => {
    if (from.state !== 'STOPPED' && from.state !== 'CRASHED' && from.state !== 'ERROR') return
    for (const event of Object.values(EVENTS)) {
      const kinds = transition(from, event).effects.map((effect) => effect.kind)
      expect(kinds).not.toContain('stop')
      expect(kinds).not.toContain('kill')
    }
  })

  it('the latest wish wins while stopping', () => {
    const stopping: RunnerState = { state: 'STOPPING', startsAgain: false }
    expect(transition(stopping, { kind: 'wanted', desired: 'RUNNING' })).toMatchObject({ startsAgain: true })
    expect(transition({ state: 'STOPPING', startsAgain: true }, { kind: 'wanted', desired: 'STOPPED' })).toMatchObject({
      startsAgain: false,
    })
    expect(transition({ state: 'STOPPING', startsAgain: true }, exited(0))).toMatchObject({ state: 'STARTING' })
    expect(transition({ state: 'STOPPING', startsAgain: true }, { kind: 'kill' })).toMatchObject({ startsAgain: false })
  })
})
