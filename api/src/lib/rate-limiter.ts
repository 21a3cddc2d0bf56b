/** Counts tries by key in fixed windows; bounded in memory. */
export type RateLimiter = {
  /** Takes one try. Seconds to wait when there is none left, else 0. */
  take(key: string): number
  /** Gives one try back: it was not one to count. */
  giveBack(key: string): void
  /** Gives all tries of a key back. */
  reset(key: string): void
}

const MOST_KEYS = 50_000

/** @param limit tries of a key in one window */
export function createRateLimiter(limit: number, windowSeconds: number, monotonicMs: () => number): RateLimiter {
  const windows = new Map<string, { count: number; endsAt: number }>()
  return {
    take(key) {
      const now = monotonicMs()
      const window = windows.get(key)
      if (window === undefined || window.endsAt <= now) {
        // The oldest goes first: a flood of keys cannot fill the memory.
        if (windows.size >= MOST_KEYS) windows.delete(windows.keys().next().value ?? key)
        windows.delete(key)
        windows.set(key, { count: 1, endsAt: now + windowSeconds * 1000 })
        return 0
      }
      if (window.count >= limit) return Math.ceil((window.endsAt - now) / 1000)
      window.count += 1
      return 0
    },
    giveBack(key) {
      const window = windows.get(key)
      if (window !== undefined && window.count > 0) window.count -= 1
    },
    reset(key) {
      windows.delete(key)
    },
  }
}
