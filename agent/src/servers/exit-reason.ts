import type { ExitReason } from '../state/records.ts'

/** An end as the runtime tells it; `code` is null when it is not known. */
export type ExitFacts = { code: number | null; outOfMemory: boolean }

/** 128 + SIGHUP, SIGINT, SIGKILL and SIGTERM: signals that only somebody else sends. A game that fails ends by others. */
const KILLED_FROM_OUTSIDE = new Set([129, 130, 137, 143])
const SIGKILLED = 137

/** Why a run ended that nobody had ordered to end. */
export function ownExitReason({ code, outOfMemory }: ExitFacts, cleanExitCodes: readonly number[]): ExitReason {
  if (outOfMemory) return 'OUT_OF_MEMORY'
  if (code === null) return 'UNKNOWN'
  if (cleanExitCodes.includes(code)) return 'STOPPED'
  return KILLED_FROM_OUTSIDE.has(code) ? 'KILLED' : 'CRASHED'
}

/** Why a run ended that was stopping. @param wasKilled by us */
export function orderedExitReason({ code, outOfMemory }: ExitFacts, wasKilled: boolean): ExitReason {
  if (wasKilled) return 'KILLED'
  if (outOfMemory) return 'OUT_OF_MEMORY'
  return code === SIGKILLED ? 'KILLED' : 'STOPPED'
}

/** The end in words for people. */
export function describeExit(reason: ExitReason, code: number | null): string {
  if (reason === 'OUT_OF_MEMORY') return 'Ended: out of memory'
  if (code === null) return 'Ended; the exit code is not known'
  return reason === 'KILLED' ? `Killed (code ${String(code)})` : `Ended with code ${String(code)}`
}
