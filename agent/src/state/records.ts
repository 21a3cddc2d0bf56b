import type { AssignmentFieldsFragment } from '../gql/graphql.ts'
import type { WorkloadLimits } from '../runtime/runtime.ts'

/** The wish for a server as the api gave it, with the complete spec. */
export type Assignment = AssignmentFieldsFragment
export type ServerSpec = Assignment['spec']
export type RestartRule = ServerSpec['restart']
export type BootPolicy = ServerSpec['bootPolicy']

export type ServerState = 'STOPPED' | 'STARTING' | 'RUNNING' | 'STOPPING' | 'CRASHED' | 'ERROR'
export type ExitReason = 'STOPPED' | 'CRASHED' | 'OUT_OF_MEMORY' | 'KILLED' | 'UNKNOWN'

/** Why a server is not as wanted: a code for programs, a sentence for people. */
export type Problem = { code: string; message: string }

/** `at` is ISO 8601. */
export type LastExit = { code: number | null; reason: ExitReason; at: string }

/** A restart by the crash policy that waits for its time. */
export type PendingRestart = { attempt: number; at: string; reason: string }

/** What a run was started with, and the limits that it has now. */
export type RunSpec = {
  /** Of everything that only another start can change. */
  fingerprint: string
  limits: WorkloadLimits
  /** The node could not give a live run the limits of the newest spec. */
  areLimitsRefused: boolean
}

export type InstallationStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED'

/** The newest installation until the api has its outcome; its log is a file. */
export type InstallationRecord = {
  id: string
  commandId: string
  /** SWITCHING: it has succeeded, and the new files take the place of the old ones. */
  phase: 'RUNNING' | 'SWITCHING' | 'OVER'
  status: InstallationStatus
  exitCode: number | null
  error: string | null
}

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
  /** The generation that the newest start served; 0 when none. */
  startedGeneration: number
  isInstalled: boolean
  /** Everything of it is gone; only the report is left to be accepted. */
  isRemoved: boolean
  problem: Problem | null
  lastExit: LastExit | null
  runId: string | null
  /** Set while a run is on. */
  runningSince: string | null
  /** Of the newest run; null when an agent started it that did not keep it. */
  run: RunSpec | null
  /** When the game was told to stop; null when it was not. */
  stopSentAt: string | null
  /** SIGKILL was sent to the run. */
  wasKilled: boolean
  /** The run has ended and this is being worked on; null when it is not. */
  pendingExit: { code: number | null; outOfMemory: boolean; at: string } | null
  restart: PendingRestart | null
  /** When restarts were decided that still count for the crash policy, oldest first. */
  restarts: string[]
  installation: InstallationRecord | null
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

/** What happened to a server, told to the api once and in order, also when it was away meanwhile. */
export type ServerEvent = {
  serverId: string
  at: string
  kind: 'STARTED' | 'READY' | 'EXITED' | 'RESTART_PLANNED' | 'GAVE_UP' | 'INSTALL_CUT'
  runId?: string | null
  code?: number | null
  reason?: ExitReason | null
  message?: string | null
  attempt?: number | null
  nextAt?: string | null
}
