/**
 * What the agent needs of a container runtime, in the words of game servers. `containerd/` is the real one, `fake/` a
 * scripted one for tests. Nothing outside `runtime/` knows a containerd type.
 *
 * A *workload* is one server's container and its writable snapshot; both are kept between runs. A *run* is one task in
 * it. At most one run of a workload is alive at a time.
 */
export type Runtime = {
  /** Version and features; throws `RuntimeUnavailableError` when the runtime does not answer. */
  describe(): Promise<RuntimeInfo>
  /** Every workload of our namespace with its run as the runtime sees it now. */
  list(): Promise<WorkloadStatus[]>
  /** Makes the container and snapshot, or replaces the container when the spec differs. Idempotent. */
  prepare(spec: WorkloadSpec): Promise<void>
  /** Makes and starts a task. "Already running" is not an error: the live run is returned. */
  start(id: string, options: StartOptions): Promise<RunHandle>
  /** Finds the live run again after an agent restart; null when it is not running. */
  recover(id: string, stdinPath: string): Promise<RunHandle | null>
  /** Changes CPU, memory and process limits of a live run; throws `LimitInUseError` rather than have the run killed for it. */
  update(id: string, limits: WorkloadLimits): Promise<void>
  /** Sends a signal to the run's process group. A run that already ended is success. */
  signal(id: string, signal: PosixSignal): Promise<void>
  /** Reads cgroup counters of every live run in one call. */
  sample(): Promise<RunSample[]>
  /** Collects an ended task (idempotent); its exit as far as known. */
  collect(id: string): Promise<RunExit | null>
  /** Ends what is left of a start that was given up or cut, and collects a task that ended; a live run is left alone. Idempotent. */
  abandon(id: string): Promise<void>
  /** Removes task, container, snapshot and FIFOs. Idempotent; kills a live run first. */
  remove(id: string): Promise<void>
  close(): Promise<void>
}

export type PosixSignal = NodeJS.Signals

export type RuntimeInfo = { name: string; version: string; cgroupVersion: 1 | 2 }

/** `memoryMiB` includes swap (swap is off). `cpuPercent` 100 is one core. `cpuset` is a list of cores such as `0-3,6`, empty for all. */
export type WorkloadLimits = { memoryMiB: number; cpuPercent: number; cpuset: string; pids: number }

export type WorkloadMount = { source: string; target: string; readOnly: boolean }

export type WorkloadSpec = {
  /** Server id, or `<server id>-install` for the throw-away install container. */
  id: string
  /** Reference of an image that the image store has unpacked. */
  image: string
  args: string[]
  env: Record<string, string>
  workingDirectory: string
  user: { uid: number; gid: number }
  hostname: string
  mounts: WorkloadMount[]
  limits: WorkloadLimits
  readOnlyRoot: boolean
  /** Path of a network namespace; null for a namespace of its own without any interface but loopback. */
  networkNamespace: string | null
  /** Kept as container labels, so that the set can be understood without the store. */
  labels: Record<string, string>
}

export type StartOptions = {
  /** Existing file (mode 0600) that stdout and stderr are appended to by the shim, so that output survives the agent. */
  logPath: string
  /** FIFO for stdin; made when missing. */
  stdinPath: string
}

export type RunHandle = {
  id: string
  pid: number
  /** Writes to the game's standard input. Rejects with `StdinClosedError` or, above 64 KiB unread, `StdinFullError`. */
  writeStdin(bytes: Uint8Array): Promise<void>
  /** Resolves once when the run ends, as the runtime reports it, also when the daemon was away meanwhile. Never rejects. */
  exited: Promise<RunExit>
}

/** `code` is null when the runtime lost it (task gone while the daemon was down). */
export type RunExit = { code: number | null; outOfMemory: boolean; at: Date }

export type WorkloadStatus = {
  id: string
  labels: Record<string, string>
  run: { state: 'running'; pid: number } | { state: 'exited'; exit: RunExit } | { state: 'none' }
}

/** Counters, not rates. Bytes unless said; `cpuNanoseconds` is monotonic over the run. */
export type RunSample = {
  id: string
  pid: number
  cpuNanoseconds: bigint
  memoryBytes: number
  memoryLimitBytes: number
  processCount: number
  networkRxBytes: number
  networkTxBytes: number
  diskReadBytes: number
  diskWriteBytes: number
}
