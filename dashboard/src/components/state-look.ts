import type { TokenName } from '../theme/tokens.ts'

export type StateShape =
  | 'running'
  | 'starting'
  | 'stopping'
  | 'stopped'
  | 'crashed'
  | 'error'
  | 'installing'
  | 'unknown'
  | 'deleting'
  | 'online'
  | 'offline'
  | 'waiting'
  | 'maintenance'
  | 'done'
  | 'failed'
  | 'working'

type Look = { colour: TokenName; isExceptional: boolean }

/** Colour of each shape. Exceptions are bold, what is normal stays quiet. */
export const looks: Readonly<Record<StateShape, Look>> = {
  running: { colour: 'running', isExceptional: false },
  starting: { colour: 'progress', isExceptional: true },
  stopping: { colour: 'progress', isExceptional: true },
  stopped: { colour: 'stopped', isExceptional: false },
  crashed: { colour: 'danger', isExceptional: true },
  error: { colour: 'danger', isExceptional: true },
  installing: { colour: 'progress', isExceptional: true },
  unknown: { colour: 'warning', isExceptional: true },
  deleting: { colour: 'progress', isExceptional: true },
  online: { colour: 'running', isExceptional: false },
  offline: { colour: 'danger', isExceptional: true },
  waiting: { colour: 'progress', isExceptional: true },
  maintenance: { colour: 'suspended', isExceptional: true },
  done: { colour: 'running', isExceptional: false },
  failed: { colour: 'danger', isExceptional: true },
  working: { colour: 'progress', isExceptional: true },
}
