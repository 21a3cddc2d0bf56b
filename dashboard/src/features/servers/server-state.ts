import type { StateShape } from '../../components/state-look.ts'
import type { CommandKind, ServerState, ServerStatus } from '../../gql/graphql.ts'

export const shapes: Readonly<Record<ServerStatus, StateShape>> = {
  NOT_INSTALLED: 'stopped',
  INSTALLING: 'installing',
  STOPPED: 'stopped',
  STARTING: 'starting',
  RUNNING: 'running',
  STOPPING: 'stopping',
  CRASHED: 'crashed',
  ERROR: 'error',
  UNKNOWN: 'unknown',
  DELETING: 'deleting',
}

/** Segments of the list in their order; `all` is none of them. */
export const segments = {
  running: ['RUNNING'],
  changing: ['STARTING', 'STOPPING', 'INSTALLING', 'DELETING'],
  attention: ['CRASHED', 'ERROR', 'UNKNOWN'],
  stopped: ['STOPPED', 'NOT_INSTALLED'],
} as const satisfies Record<string, readonly ServerStatus[]>

export type Segment = keyof typeof segments
export const segmentShapes: Readonly<Record<Segment, StateShape>> = {
  running: 'running',
  changing: 'starting',
  attention: 'crashed',
  stopped: 'stopped',
}
export const isSegment = (value: unknown): value is Segment => typeof value === 'string' && value in segments

const RANKS: Readonly<Record<ServerStatus, number>> = {
  CRASHED: 0,
  ERROR: 0,
  STARTING: 1,
  STOPPING: 1,
  INSTALLING: 1,
  DELETING: 1,
  UNKNOWN: 2,
  RUNNING: 3,
  NOT_INSTALLED: 4,
  STOPPED: 4,
}

type Sortable = { id: string; name: string; status: ServerStatus }

/** What needs eyes first: broken, changing, unknown, running, stopped; by name inside. */
export function byAttention(one: Sortable, other: Sortable): number {
  return RANKS[one.status] - RANKS[other.status] || byName(one, other)
}

/** By name as people count, then by id so that equal names keep their places. */
export function byName(one: Sortable, other: Sortable): number {
  return one.name.localeCompare(other.name, undefined, { numeric: true }) || one.id.localeCompare(other.id)
}

/** The game can be typed into: also while it stops, for some ask before they end. */
export const takesCommands = (state: ServerState): boolean => state === 'RUNNING' || state === 'STARTING' || state === 'STOPPING'

export type PowerVerb = 'start' | 'stop' | 'restart' | 'kill'

type PowerView = { status: ServerStatus; state: ServerState; pendingRestart: object | null }

/**
 * Orders that make sense in a state. A server whose node is away takes those of its last known state: the wish waits. While a
 * restart after a crash waits, `start` means now and `stop` means not at all.
 */
export function offeredPower({ status, state, pendingRestart }: PowerView): readonly PowerVerb[] {
  switch (status) {
    case 'RUNNING':
      return ['restart', 'stop', 'kill']
    case 'STARTING':
      return ['stop', 'kill']
    case 'STOPPING':
      return ['start', 'kill']
    case 'STOPPED':
    case 'CRASHED':
    case 'ERROR':
      return pendingRestart === null ? ['start'] : ['start', 'stop']
    case 'UNKNOWN':
      return offeredPower({ status: state, state, pendingRestart })
    case 'INSTALLING':
    case 'NOT_INSTALLED':
    case 'DELETING':
      return []
  }
}

const wishedStates: Partial<Record<CommandKind, readonly ServerState[]>> = {
  START: ['RUNNING', 'STARTING'],
  STOP: ['STOPPED', 'CRASHED', 'ERROR'],
}

/** The wish that waits for the node; null when none does, or when it wants what was there when the node was last seen. */
export function waitingWish<Command extends { kind: CommandKind }>(server: {
  state: ServerState
  waitingCommand: Command | null
}): Command | null {
  const { waitingCommand: command, state } = server
  return command === null || wishedStates[command.kind]?.includes(state) === true ? null : command
}
