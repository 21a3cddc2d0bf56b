/** Counts tries by key in a sliding window of fixed slices; bounded in memory. */
export type RateLimiter = {
  /** Takes one try. Seconds to wait when there is none left, else 0. */
  take(key: string): number
  /** Gives the tries of a key back. */
  reset(key: string): void
}

const MOST_KEYS = 50_000

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
      window.count += 1
      return window.count > limit ? Math.ceil((window.endsAt - now) / 1000) : 0
    },
    reset(key) {
      windows.delete(key)
    },
  }
}
