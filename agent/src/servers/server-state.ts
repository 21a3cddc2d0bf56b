import type { ExitReason, Problem, ServerState } from '../state/records.ts'

/** What the runner of a server goes by. */
export type RunnerState = {
  state: ServerState
  /** While STOPPING: a start follows. */
  startsAgain: boolean
}

export type RunnerEvent =
  /** The wish, of a generation that is not settled. */
  | { kind: 'wanted'; desired: 'RUNNING' | 'STOPPED' }
  | { kind: 'restart' }
  | { kind: 'kill' }
  | { kind: 'ready' }
  | { kind: 'startFailed'; problem: Problem }
  /** A start was given up on demand before a process was made. */
  | { kind: 'startCancelled' }
  | { kind: 'stopTimedOut' }
  /** SIGKILL had no effect for its time. */
  | { kind: 'killTimedOut' }
  | { kind: 'exited'; exit: { code: number | null; outOfMemory: boolean; wasKilled: boolean } }

export type RunnerEffect =
  | { kind: 'start' }
  | { kind: 'stop' }
  | { kind: 'kill' }
  /** The wish of this generation is over: decided for good. */
  | { kind: 'settle' }
  | { kind: 'problem'; problem: Problem | null }
  | { kind: 'exit'; reason: ExitReason }

export type Transition = RunnerState & { effects: RunnerEffect[] }

const to = (state: ServerState, effects: RunnerEffect[] = [], startsAgain = false): Transition => ({ state, startsAgain, effects })

const STARTING = to('STARTING', [{ kind: 'problem', problem: null }, { kind: 'start' }])

/** Reason of an end that nobody ordered. */
function ownReason(exit: { code: number | null; outOfMemory: boolean }): ExitReason {
  if (exit.outOfMemory) return 'OUT_OF_MEMORY'
  if (exit.code === null) return 'UNKNOWN'
  return exit.code === 0 ? 'STOPPED' : 'CRASHED'
}

function ended(current: RunnerState, event: RunnerEvent & { kind: 'exited' }): Transition {
  const { exit } = event
  if (current.state === 'STOPPING') {
    const reason: RunnerEffect = { kind: 'exit', reason: exit.wasKilled ? 'KILLED' : 'STOPPED' }
    return current.startsAgain
      ? { ...STARTING, effects: [reason, ...STARTING.effects] }
      : to('STOPPED', [reason, { kind: 'problem', problem: null }])
  }
  const reason = ownReason(exit)
  // A game that ends by itself, cleanly, was stopped by its players or its own rules: that is accepted.
  return to(reason === 'STOPPED' ? 'STOPPED' : 'CRASHED', [{ kind: 'exit', reason }, { kind: 'settle' }])
}

/**
 * The one table of a server on its node: state and event give the next state and what is to be done. Pure; an event that
 * means nothing in a state changes nothing.
 */
export function transition(current: RunnerState, event: RunnerEvent): Transition {
  const same: Transition = { ...current, effects: [] }
  switch (current.state) {
    case 'STOPPED':
    case 'CRASHED':
    case 'ERROR':
      if (event.kind === 'restart' || (event.kind === 'wanted' && event.desired === 'RUNNING')) return STARTING
      // A process that SIGKILL could not end has gone after all.
      if (event.kind === 'exited' && current.state === 'ERROR')
        return to('STOPPED', [
          { kind: 'exit', reason: 'KILLED' },
          { kind: 'problem', problem: null },
        ])
      return same
    case 'STARTING':
    case 'RUNNING':
      switch (event.kind) {
        case 'wanted':
          return event.desired === 'STOPPED' ? to('STOPPING', [{ kind: 'stop' }]) : same
        case 'restart':
          return to('STOPPING', [{ kind: 'stop' }], true)
        case 'kill':
          return to('STOPPING', [{ kind: 'kill' }])
        case 'ready':
          return to('RUNNING')
        case 'startFailed':
          return to('ERROR', [{ kind: 'problem', problem: event.problem }, { kind: 'settle' }])
        case 'exited':
          return ended(current, event)
        default:
          return same
      }
    case 'STOPPING':
      switch (event.kind) {
        case 'wanted':
          return { state: 'STOPPING', startsAgain: event.desired === 'RUNNING', effects: [] }
        case 'restart':
          return { state: 'STOPPING', startsAgain: true, effects: [] }
        case 'kill':
          return to('STOPPING', [{ kind: 'kill' }])
        case 'stopTimedOut':
          return { ...current, effects: [{ kind: 'kill' }] }
        case 'killTimedOut':
          return to('ERROR', [
            {
              kind: 'problem',
              problem: { code: 'KILL_WITHOUT_EFFECT', message: 'The process does not end, even by force. The node needs a look.' },
            },
            { kind: 'settle' },
          ])
        case 'exited':
          return ended(current, event)
        case 'startFailed':
        case 'startCancelled':
          return current.startsAgain ? STARTING : to('STOPPED')
        default:
          return same
      }
  }
}
