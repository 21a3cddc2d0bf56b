/** The runtime does not answer; `cause` has the transport's error. */
export class RuntimeUnavailableError extends Error {
  override readonly name = 'RuntimeUnavailableError'
}

/** The workload has no container; `prepare` makes one. */
export class WorkloadNotFoundError extends Error {
  override readonly name = 'WorkloadNotFoundError'
}

/** The game closed its standard input or has ended. */
export class StdinClosedError extends Error {
  override readonly name = 'StdinClosedError'
}

/** The game does not read its standard input and 64 KiB are waiting. */
export class StdinFullError extends Error {
  override readonly name = 'StdinFullError'
}

/** A memory limit below what the run uses: it would be killed for it. */
export class LimitInUseError extends Error {
  override readonly name = 'LimitInUseError'
  constructor(usedMiB: number, limitMiB: number) {
    super(`The game uses ${String(usedMiB)} MiB: a limit of ${String(limitMiB)} MiB would end it. It holds from the next start on.`)
  }
}
