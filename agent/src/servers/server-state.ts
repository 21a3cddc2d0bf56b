import type { ExitReason, PendingRestart, Problem, ServerState } from '../state/records.ts'

/** What the runner of a server goes by. */
export type RunnerState = {
  state: ServerState
  /** While STOPPING: a start follows. */
  startsAgain: boolean
  /** While STOPPED or CRASHED: a restart by the crash policy waits for its time. */
  isWaiting: boolean
}

/** What follows an end that nobody ordered. */
export type AfterExit =
  | { kind: 'ACCEPT' }
  /** `restarts` are those that count for the crash policy, this one too. */
  | { kind: 'RESTART'; restart: PendingRestart; restarts: string[] }
  | { kind: 'GIVE_UP'; attempts: number }
  /** The machine took the game with it. */
  | { kind: 'LOST' }

export type RunnerEvent =
  /** The wish, of a generation that is not settled. `isNews`: no start has served it yet. */
  | { kind: 'wanted'; desired: 'RUNNING' | 'STOPPED'; isNews: boolean }
  | { kind: 'restart' }
  | { kind: 'kill' }
  | { kind: 'ready' }
  | { kind: 'startFailed'; problem: Problem }
  /** A start was given up on demand before a process was made. */
  | { kind: 'startCancelled' }
  | { kind: 'stopTimedOut' }
  /** SIGKILL had no effect for its time. */
  | { kind: 'killTimedOut' }
  /** `at` is ISO 8601. */
  | { kind: 'exited'; code: number | null; at: string; reason: ExitReason; then: AfterExit }
  | { kind: 'restartDue' }
  /** After a start of the machine, when the boot policy is not to go on with the wish. */
  | { kind: 'rebooted'; then: 'START' | 'STAY' }

export type RunnerEffect =
  | { kind: 'start' }
  | { kind: 'stop' }
  | { kind: 'kill' }
  /** The wish of this generation is over: decided for good. */
  | { kind: 'settle' }
  | { kind: 'problem'; problem: Problem | null }
  /** A run is over. */
  | { kind: 'exit' }
  /** A restart is planned, as the crash policy decided. */
  | { kind: 'plan' }
  | { kind: 'cancelPlan' }

export type Transition = RunnerState & { effects: RunnerEffect[] }

const to = (state: ServerState, effects: RunnerEffect[] = [], flags: Partial<RunnerState> = {}): Transition => ({
  startsAgain: false,
  isWaiting: false,
  ...flags,
  state,
  effects,
})

const EXIT: RunnerEffect = { kind: 'exit' }
const NO_PROBLEM: RunnerEffect = { kind: 'problem', problem: null }
const GAVE_UP: Problem = { code: 'CRASH_LIMIT', message: 'The game ended too often in a short time and is not started again.' }
const KILL_WITHOUT_EFFECT: Problem = {
  code: 'KILL_WITHOUT_EFFECT',
  message: 'The process does not end, even by force. The node needs a look.',
}

const starting = (...before: RunnerEffect[]) => to('STARTING', [...before, NO_PROBLEM, { kind: 'start' }])

function ended(current: RunnerState, { reason, then }: RunnerEvent & { kind: 'exited' }): Transition {
  // What the machine took is started again by the boot policy, or not.
  if (current.state === 'STOPPING') return current.startsAgain && then.kind !== 'LOST' ? starting(EXIT) : to('STOPPED', [EXIT, NO_PROBLEM])
  // A game that ends by itself, cleanly, was stopped by its players or its own rules.
  const state = reason === 'STOPPED' || then.kind === 'LOST' ? 'STOPPED' : 'CRASHED'
  switch (then.kind) {
    case 'ACCEPT':
      return to(state, [EXIT, { kind: 'settle' }])
    case 'RESTART':
      return to(state, [EXIT, { kind: 'plan' }], { isWaiting: true })
    case 'GIVE_UP':
      return to('CRASHED', [EXIT, { kind: 'problem', problem: GAVE_UP }, { kind: 'settle' }])
    case 'LOST':
      return to(state, [EXIT])
  }
}

function atRest(current: RunnerState, event: RunnerEvent): Transition {
  const same: Transition = { ...current, effects: [] }
  const cancelled: RunnerEffect[] = current.isWaiting ? [{ kind: 'cancelPlan' }] : []
  switch (event.kind) {
    case 'wanted':
      if (event.desired === 'STOPPED') return current.isWaiting ? to('STOPPED', cancelled) : same
      // The wish is the one that the waiting restart serves; a new one is not made to wait.
      return current.isWaiting && !event.isNews ? same : starting(...cancelled)
    case 'restart':
      return starting(...cancelled)
    case 'restartDue':
      return current.isWaiting ? starting(...cancelled) : same
    case 'kill':
      return current.isWaiting ? to('STOPPED', [...cancelled, { kind: 'settle' }]) : same
    case 'rebooted': {
      // The node's own decision, whatever was wished: the wish of this generation is over.
      const started = starting(...cancelled)
      return event.then === 'START'
        ? { ...started, effects: [...started.effects, { kind: 'settle' }] }
        : to('STOPPED', [...cancelled, { kind: 'settle' }])
    }
    case 'exited':
      // A process that SIGKILL could not end has gone after all; or one that nobody knew of.
      return current.state === 'ERROR' ? to('STOPPED', [EXIT, NO_PROBLEM]) : { ...current, effects: [EXIT] }
    default:
      return same
  }
}

function inRun(current: RunnerState, event: RunnerEvent): Transition {
  const same: Transition = { ...current, effects: [] }
  switch (event.kind) {
    case 'wanted':
      return event.desired === 'STOPPED' ? to('STOPPING', [{ kind: 'stop' }]) : same
    case 'restart':
      return to('STOPPING', [{ kind: 'stop' }], { startsAgain: true })
    case 'kill':
      return to('STOPPING', [{ kind: 'kill' }])
    case 'ready':
      return current.state === 'STARTING' ? to('RUNNING') : same
    case 'startFailed':
      return to('ERROR', [{ kind: 'problem', problem: event.problem }, { kind: 'settle' }])
    case 'exited':
      return ended(current, event)
    default:
      return same
  }
}

function inStop(current: RunnerState, event: RunnerEvent): Transition {
  switch (event.kind) {
    case 'wanted':
      return to('STOPPING', [], { startsAgain: event.desired === 'RUNNING' })
    case 'restart':
      return to('STOPPING', [], { startsAgain: true })
    case 'kill':
      return to('STOPPING', [{ kind: 'kill' }])
    case 'stopTimedOut':
      return { ...current, effects: [{ kind: 'kill' }] }
    case 'killTimedOut':
      return to('ERROR', [{ kind: 'problem', problem: KILL_WITHOUT_EFFECT }, { kind: 'settle' }])
    case 'exited':
      return ended(current, event)
    case 'startFailed':
    case 'startCancelled':
      return current.startsAgain ? starting() : to('STOPPED', [NO_PROBLEM])
    default:
      return { ...current, effects: [] }
  }
}

/**
 * The one table of a server on its node: state and event give the next state and what is to be done. Pure; an event that
 * means nothing in a state changes nothing.
 */
export function transition(current: RunnerState, event: RunnerEvent): Transition {
  switch (current.state) {
    case 'STOPPED':
    case 'CRASHED':
    case 'ERROR':
      return atRest(current, event)
    case 'STARTING':
    case 'RUNNING':
      return inRun(current, event)
    case 'STOPPING':
      return inStop(current, event)
  }
}
