import type { AssignmentFieldsFragment } from '../gql/graphql.ts'

/** The wish for a server as the api gave it, with the complete spec. */
export type Assignment = AssignmentFieldsFragment
export type ServerSpec = Assignment['spec']

export type ServerState = 'STOPPED' | 'STARTING' | 'RUNNING' | 'STOPPING' | 'CRASHED' | 'ERROR'
export type ExitReason = 'STOPPED' | 'CRASHED' | 'OUT_OF_MEMORY' | 'KILLED' | 'UNKNOWN'

/** Why a server is not as wanted: a code for programs, a sentence for people. */
export type Problem = { code: string; message: string }

/** `at` is ISO 8601. */
export type LastExit = { code: number | null; reason: ExitReason; at: string }

/** Everything about one server that must survive the agent. Times are ISO 8601. */
export type ServerRecord = {
  id: string
  /** User and group id of its processes and files; not used again while its data exist. */
  uid: number
  assignment: Assignment
  state: ServerState
  /** While STOPPING: a start follows. */
  startsAgain: boolean
  /** Of the newest report. */
  sequence: number
  /** The generation that the agent decided for good about; 0 when none. */
  settledGeneration: number
  isInstalled: boolean
  /** Everything of it is gone; only the report is left to be accepted. */
  isRemoved: boolean
  problem: Problem | null
  lastExit: LastExit | null
  runId: string | null
  /** Set while a run is on. */
  runningSince: string | null
  /** The run has ended and this is being worked on; null when it is not. */
  pendingExit: { code: number | null; outOfMemory: boolean; at: string } | null
  /** Console position up to which the api has everything on disk. */
  acknowledged: number
}

export type CommandKind = 'RESTART' | 'KILL' | 'INSTALL' | 'ABORT_INSTALL' | 'CONSOLE_INPUT'

export type CommandRecord = {
  id: string
  serverId: string
  kind: CommandKind
  generation: number
  consoleInput: string | null
  actor: string
  installationId: string | null
  receivedAt: string
}

export type CommandResult = {
  commandId: string
  status: 'DONE' | 'FAILED' | 'EXPIRED' | 'SUPERSEDED'
  errorCode: string | null
  error: string | null
}
