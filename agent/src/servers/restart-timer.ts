import { LONGEST_DELAY_MS } from './restart-policy.ts'
import type { RunnerCore } from './runner-core.ts'

/** Waits for the time of a planned restart. */
export type RestartTimer = {
  /** Goes by the plan in the record; without one it waits for nothing. */
  set(): void
  isDue(): boolean
  close(): void
}

export function createRestartTimer(core: RunnerCore, onDue: () => void): RestartTimer {
  let timer: NodeJS.Timeout | undefined

  /** A clock that was set back must not make a restart wait for hours. */
  function left(): number | null {
    const { restart } = core.record()
    if (restart === null) return null
    return Math.min(LONGEST_DELAY_MS, Math.max(0, Date.parse(restart.at) - core.deps.now().getTime()))
  }

  function set(): void {
    clearTimeout(timer)
    const milliseconds = left()
    if (milliseconds === null) return
    timer = setTimeout(() => {
      // Timers go by another clock than the plan, and may come a moment before it.
      if (left() === 0) onDue()
      else set()
    }, milliseconds)
  }

  return {
    set,
    isDue: () => left() === 0,
    close() {
      clearTimeout(timer)
    },
  }
}
