/** Smaller differences are not worth times that swing. */
const TOLERANCE_MS = 100

/** The node's wall clock, corrected by what the api's clock shows: the api's times and ours can be put in one order. */
export type Clock = {
  now(): Date
  /** A time of this machine's clock, such as that of an exit, on the corrected one. */
  correct(at: Date): Date
  /** Takes the api's time from an answer; `sentAt` is the monotonic time of the question. */
  measure(serverTime: Date, sentAt: number): void
  /** Milliseconds that are added to the wall clock. */
  offset(): number
}

export type ClockOptions = {
  wallClock: () => Date
  monotonicMs: () => number
  /** What an earlier life of the agent measured. */
  offset: number
  /** Called when the correction has changed. */
  onOffset: (offset: number) => void
}

export function createClock({ wallClock, monotonicMs, offset: first, onOffset }: ClockOptions): Clock {
  let offset = first
  const correct = (at: Date) => new Date(at.getTime() + offset)
  return {
    now: () => correct(wallClock()),
    correct,
    measure(serverTime, sentAt) {
      const roundTrip = Math.max(0, monotonicMs() - sentAt)
      const measured = Math.round(serverTime.getTime() + roundTrip / 2 - wallClock().getTime())
      // The true one lies within half the way of the answer around it.
      if (Math.abs(measured - offset) <= Math.max(TOLERANCE_MS, roundTrip / 2)) return
      offset = measured
      onOffset(offset)
    },
    offset: () => offset,
  }
}
