export type FakeAssignment = {
  serverId: string
  generation: number
  desiredState: 'RUNNING' | 'STOPPED'
  isRemoved: boolean
  isInstalled: boolean
  isKill: boolean
  consolePosition: number
  spec: {
    name: string
    slug: string
    image: { packages: string[]; remove: string[]; keep: string[] }
    startup: string[]
    environment: { name: string; value: string }[]
    workingDirectory: string
    readOnlyRoot: boolean
    ready: { text: string | null; regex: string | null; timeoutSeconds: number } | null
    stop: { command: string | null; signal: string | null; timeoutSeconds: number }
    restart: { policy: 'ALWAYS' | 'ON_FAILURE' | 'NEVER'; cleanExitCodes: number[]; maximumRestarts: number; windowSeconds: number }
    bootPolicy: 'RESTORE' | 'ALWAYS' | 'NEVER'
    limits: { memoryMiB: number; cpuPercent: number; cpuset: string; diskMiB: number; pids: number }
    ports: { name: string; ip: string; port: number; protocol: 'TCP' | 'UDP' | 'BOTH'; isPrimary: boolean }[]
    install: { script: string; interpreter: string[]; timeoutSeconds: number } | null
  }
}
export type FakeCommand = {
  id: string
  serverId: string
  kind: 'RESTART' | 'KILL' | 'INSTALL' | 'ABORT_INSTALL' | 'CONSOLE_INPUT'
  generation: number
  deadlineSeconds: number
  consoleInput: string | null
  actor: string
  installationId: string | null
}
/** What an agent reports; as in the schema. */
export type SeenReport = {
  serverId: string
  sequence: number
  generation: number
  state: string
  isSettled: boolean
  isRemoved: boolean
  isInstalled: boolean
  problem: { code: string; message: string } | null
  lastExit: { code: number | null; reason: string; at: string } | null
  runId: string | null
  runningSince: string | null
  restart: { attempt: number; at: string; reason: string } | null
  needsRestart: boolean
}
export type SeenEvent = {
  serverId: string
  sequence: number
  at: string
  kind: string
  runId: string | null
  code: number | null
  reason: string | null
  message: string | null
  attempt: number | null
  nextAt: string | null
}
export type SeenResult = { commandId: string; status: string; errorCode: string | null; error: string | null }
export type SeenInstallation = {
  serverId: string
  installationId: string
  status: string
  step: string | null
  percent: number | null
  exitCode: number | null
  error: string | null
  logFrom: number
  logText: string
}
export type SeenSample = { serverId: string; at: string; memoryBytes: number; memoryLimitBytes: number }
export type SeenPart = {
  kind: string
  at: string
  text: string | null
  base64: string | null
  gapBytes: number | null
  actor: string | null
}

export type FakeOrder =
  | { __typename: 'AssignmentSnapshotOrder'; assignments: FakeAssignment[]; isLast: boolean }
  | { __typename: 'AssignmentOrder'; assignment: FakeAssignment }
  | ({ __typename: 'CommandOrder' } & FakeCommand)
  | { __typename: 'WatchOrder'; serverIds: readonly string[]; isNodeWatched: boolean }

/**
 * The api's side of the control channel without a database: keeps assignments and commands as the api does, and all that an
 * agent tells. What breaks the protocol is in `breaches`.
 */
export type FakeApi = {
  url: string
  token: string
  /** Stores a wish and tells a connected agent. */
  assign(assignment: FakeAssignment): void
  /** Stores a command until it has a result, and tells a connected agent. */
  command(command: FakeCommand): void
  /** Sends a command again, as after a lost answer. */
  repeat(command: FakeCommand): void
  watch(serverIds: readonly string[], isNodeWatched?: boolean): void
  /** Newest report of a server. */
  report(serverId: string): SeenReport | undefined
  reports: readonly SeenReport[]
  results: readonly SeenResult[]
  installations: readonly SeenInstallation[]
  installLog(installationId: string): string
  /** Measurements for now, and those for the history, each of which is taken once. */
  samples: readonly SeenSample[]
  storedSamples: readonly SeenSample[]
  /** The same of the machine. */
  nodeSamples: readonly { at: string }[]
  storedNodeSamples: readonly { at: string }[]
  /** What happened, each taken once. */
  events: readonly SeenEvent[]
  /** All bytes of a console as text. */
  text(serverId: string): string
  parts(serverId: string): readonly { kind: string; at: string; text: string; gap: number }[]
  sessions(): number
  storeIds: readonly string[]
  breaches: readonly string[]
  /** Cuts the socket without a word. */
  cut(): void
  /** While away every socket is refused. */
  setAway(isAway: boolean): void
  /** Milliseconds by which the api's clock is ahead of this machine's. */
  setClock(ahead: number): void
  /** The next mutation of this name is applied, but its answer is lost with the socket. */
  loseAnswerOf(mutation: string): void
  /** While held nothing of a console becomes durable. */
  holdConsole(isHeld: boolean): void
  /** The api dies: what was not durable is gone, and the socket with it. */
  crash(): void
  stop(): Promise<void>
}
