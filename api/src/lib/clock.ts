/** Time as a dependency, so that tests decide it. */
export type Clock = {
  now(): Date
  /** Milliseconds that only grow; for durations. */
  monotonicMs(): number
}

/** Clocks are corrected by the agent: what is further ahead is wrong. */
export const MOST_AHEAD_MS = 10 * 60_000

export const systemClock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() }
