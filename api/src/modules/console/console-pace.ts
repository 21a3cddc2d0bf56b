const BATCH_MS = 16
const BUSY_BATCH_MS = 50
const BUSY_LINES_PER_SECOND = 5000
/** What an agent sends at once comes in several messages: they are told together. */
const GATHER_MS = 5
/** Short, so that a flood is known as one soon after it has begun. */
const MEASURE_MS = 250

/** Decides when viewers are told: the first news after quiet at once, then batches of 16 ms, of 50 ms when very much comes. */
export type Pace = {
  /** There is news of so many lines. */
  news(lines: number): void
  stop(): void
}

/** @param tell tells all the news there is */
export function createPace(monotonicMs: () => number, tell: () => void): Pace {
  let timer: NodeJS.Timeout | null = null
  let lastTold = -Infinity
  let measuredFrom = 0
  let lines = 0
  let linesPerSecond = 0

  const run = () => {
    timer = null
    lastTold = monotonicMs()
    tell()
  }
  return {
    news(count) {
      const now = monotonicMs()
      if (now - measuredFrom >= MEASURE_MS) {
        linesPerSecond = (lines * 1000) / (now - measuredFrom)
        measuredFrom = now
        lines = 0
      }
      lines += count
      if (timer !== null) return
      const isBusy = linesPerSecond > BUSY_LINES_PER_SECOND
      const left = isBusy ? Math.max(GATHER_MS, BUSY_BATCH_MS - (now - lastTold)) : BATCH_MS - (now - lastTold)
      if (left <= 0) run()
      else timer = setTimeout(run, left)
    },
    stop() {
      if (timer !== null) clearTimeout(timer)
      timer = null
    },
  }
}
