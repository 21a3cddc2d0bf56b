/** Time as a dependency, so that tests decide it. */
export type Clock = {
  now(): Date
  /** Milliseconds that only grow; for durations. */
  monotonicMs(): number
}

export const systemClock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() }
