import type { CommandKind, DesiredState, ServerActivity, ServerState } from '@catalyst/prisma/client'

/** What a decision goes by. */
export type ServerFacts = {
  desiredState: DesiredState
  /** As last reported: while the node is away it may be otherwise. */
  state: ServerState
  activity: ServerActivity
  isInstalled: boolean
  isNodeOnline: boolean
}

export type InstallOutcome = 'SUCCEEDED' | 'FAILED' | 'ABORTED'

export type WishKind = 'start' | 'stop' | 'restart' | 'kill' | 'install' | 'update' | 'delete' | 'forceDelete'

/** Everything that can happen to a server. `isCurrent`: of the newest wish, not of an earlier one. */
export type ServerOccurrence =
  | { kind: WishKind }
  /** `isSent`: the agent may have begun the install. */
  | { kind: 'abortInstallation'; isSent: boolean }
  | { kind: 'reported'; state: ServerState; isSettled: boolean; isCurrent: boolean }
  | { kind: 'installed'; outcome: InstallOutcome; startsNow: boolean }
  /** `before` is what was wanted when the command was given. */
  | { kind: 'expired'; command: CommandKind; isSent: boolean; isCurrent: boolean; before: DesiredState }

export const REFUSALS = {
  BUSY: 'The server is busy: wait for it, or cancel it.',
  NOT_INSTALLED: 'The server is not installed yet.',
  RUNNING_ALREADY: 'The server is running already.',
  STOPPING_ALREADY: 'The server is stopping already.',
  NOT_RUNNING: 'The server is not running.',
  STOP_FIRST: 'Stop the server first.',
  NO_INSTALL: 'No install is running.',
} as const

export type Refusal = keyof typeof REFUSALS

/** Open commands that have their outcome now. */
export type Ending = {
  commands: readonly CommandKind[]
  status: 'DONE' | 'FAILED' | 'SUPERSEDED'
  /** What an agent may have begun is its own to answer. */
  onlyUnsent?: boolean
}

export type Decision = {
  desiredState: DesiredState
  state: ServerState
  activity: ServerActivity
  isInstalled: boolean
  /** The generation grows: what was decided for an earlier one no longer counts. */
  isNewWish: boolean
  /** `report`: as the agent says. */
  problem: 'keep' | 'none' | 'report' | 'INSTALL_FAILED' | 'INSTALL_ABORTED'
  /** The row that records the wish, and for most kinds is sent to the node. */
  order: { command: CommandKind; isDone: boolean } | null
  endings: readonly Ending[]
  /** The agent is told the assignment. */
  isAssigned: boolean
  /** `marked`: hidden until the node has confirmed; `gone`: ports and room are free at once. */
  removal: 'none' | 'marked' | 'gone'
}

const isUp = (state: ServerState) => state === 'RUNNING' || state === 'STARTING'

/** The latest wish wins over those before it. A kill that the agent has is carried out all the same. */
const SUPERSEDED: readonly Ending[] = [
  { commands: ['START', 'STOP', 'RESTART'], status: 'SUPERSEDED' },
  { commands: ['KILL'], status: 'SUPERSEDED', onlyUnsent: true },
]
const EVERY_COMMAND: readonly CommandKind[] = ['START', 'STOP', 'RESTART', 'KILL', 'INSTALL', 'ABORT_INSTALL', 'CONSOLE_INPUT']

/** Why a wish cannot be taken; null when it can. */
function refusalOf(facts: ServerFacts, kind: ServerOccurrence['kind']): Refusal | null {
  const { desiredState, state, activity, isInstalled } = facts
  const isBusy = activity !== 'NONE'
  switch (kind) {
    case 'start':
      if (isBusy) return 'BUSY'
      if (!isInstalled) return 'NOT_INSTALLED'
      return desiredState === 'RUNNING' && isUp(state) ? 'RUNNING_ALREADY' : null
    case 'stop':
      if (isBusy) return 'BUSY'
      if (!isInstalled) return 'NOT_INSTALLED'
      if (desiredState === 'RUNNING' || isUp(state)) return null
      return state === 'STOPPING' ? 'STOPPING_ALREADY' : 'NOT_RUNNING'
    case 'restart':
      if (isBusy) return 'BUSY'
      return isInstalled ? null : 'NOT_INSTALLED'
    case 'kill':
      if (!isInstalled) return 'NOT_INSTALLED'
      return desiredState === 'STOPPED' && (state === 'STOPPED' || state === 'CRASHED') ? 'NOT_RUNNING' : null
    case 'install':
      if (isBusy) return 'BUSY'
      return isUp(state) || state === 'STOPPING' ? 'STOP_FIRST' : null
    case 'abortInstallation':
      return activity === 'INSTALLING' ? null : 'NO_INSTALL'
    default:
      return null
  }
}

/** Which wishes a report shows to be fulfilled, or to have failed. */
function endingsOf(state: ServerState, isSettled: boolean): Ending[] {
  switch (state) {
    case 'RUNNING':
      return [{ commands: ['START'], status: 'DONE' }]
    case 'STOPPED':
      return [{ commands: isSettled ? ['START', 'STOP'] : ['STOP'], status: 'DONE' }]
    case 'CRASHED':
      // It does not run, which is what a stop wants.
      return [{ commands: ['STOP'], status: 'DONE' }, ...(isSettled ? [{ commands: ['START'], status: 'FAILED' } as const] : [])]
    case 'ERROR':
      return [{ commands: ['START', 'STOP'], status: 'FAILED' }]
    case 'STARTING':
    case 'STOPPING':
      return []
  }
}

/**
 * What becomes of a server: the one table of occurrences and states. Pure; whoever carries it out does so as a
 * compare-and-set on the row's revision, in one transaction with the command, the audit entry and the event.
 */
export function decide(facts: ServerFacts, occurrence: ServerOccurrence): Decision | { refusal: Refusal } {
  const refusal = refusalOf(facts, occurrence.kind)
  if (refusal !== null) return { refusal }
  const { desiredState, state, activity, isInstalled } = facts
  const unchanged: Decision = {
    desiredState,
    state,
    activity,
    isInstalled,
    isNewWish: false,
    problem: 'keep',
    order: null,
    endings: [],
    isAssigned: false,
    removal: 'none',
  }
  const wish = (wanted: DesiredState, command: CommandKind | null): Decision => ({
    ...unchanged,
    desiredState: wanted,
    isNewWish: true,
    order: command === null ? null : { command, isDone: false },
    endings: SUPERSEDED,
    isAssigned: true,
  })

  switch (occurrence.kind) {
    case 'start':
      return { ...wish('RUNNING', 'START'), problem: 'none' }
    case 'restart':
      return { ...wish('RUNNING', 'RESTART'), problem: 'none' }
    case 'stop':
      return wish('STOPPED', 'STOP')
    case 'kill':
      return wish('STOPPED', 'KILL')
    case 'install':
      return { ...wish('STOPPED', 'INSTALL'), activity: 'INSTALLING', problem: 'none' }
    case 'abortInstallation':
      // Nobody has begun it, and the node cannot be asked: it ends here.
      if (!occurrence.isSent && !facts.isNodeOnline)
        return {
          ...unchanged,
          activity: 'NONE',
          problem: 'INSTALL_ABORTED',
          order: { command: 'ABORT_INSTALL', isDone: true },
          endings: [{ commands: ['INSTALL'], status: 'SUPERSEDED' }],
          isAssigned: true,
        }
      return { ...unchanged, order: { command: 'ABORT_INSTALL', isDone: false } }
    case 'update':
      return { ...unchanged, isAssigned: true }
    case 'delete':
      return { ...wish('STOPPED', null), endings: [{ commands: EVERY_COMMAND, status: 'SUPERSEDED' }], removal: 'marked' }
    case 'forceDelete':
      return { ...wish('STOPPED', null), endings: [{ commands: EVERY_COMMAND, status: 'SUPERSEDED' }], removal: 'gone' }
    case 'reported': {
      // What the agent decided for good takes the place of the wish: a game that gave up or ended is not wanted any more, one
      // that its boot policy started is.
      const isDecided = occurrence.isSettled && occurrence.isCurrent && occurrence.state !== 'STOPPING'
      return {
        ...unchanged,
        desiredState: isDecided ? (isUp(occurrence.state) ? 'RUNNING' : 'STOPPED') : desiredState,
        state: occurrence.state,
        problem: occurrence.isCurrent ? 'report' : 'none',
        endings: endingsOf(occurrence.state, occurrence.isSettled),
      }
    }
    case 'installed': {
      const isGood = occurrence.outcome === 'SUCCEEDED'
      return {
        ...unchanged,
        ...(isGood && occurrence.startsNow ? { desiredState: 'RUNNING' as const, isNewWish: true } : {}),
        activity: activity === 'INSTALLING' ? 'NONE' : activity,
        // What was installed before an attempt that failed is still there.
        isInstalled: isInstalled || isGood,
        problem: isGood ? 'none' : occurrence.outcome === 'ABORTED' ? 'INSTALL_ABORTED' : 'INSTALL_FAILED',
        isAssigned: true,
      }
    }
    case 'expired': {
      const { command, isSent, isCurrent, before } = occurrence
      if (command === 'INSTALL')
        return activity === 'INSTALLING' ? { ...unchanged, activity: 'NONE', problem: 'INSTALL_FAILED', isAssigned: true } : unchanged
      // A one-shot that nobody got leaves no wish behind: nothing starts or stops later by surprise.
      const leavesNothing = (command === 'RESTART' || command === 'KILL') && !isSent && isCurrent && desiredState !== before
      return leavesNothing ? { ...unchanged, desiredState: before, isNewWish: true, isAssigned: true } : unchanged
    }
  }
}
