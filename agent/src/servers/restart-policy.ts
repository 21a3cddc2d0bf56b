import type { ExitReason, RestartRule } from '../state/records.ts'

const FIRST_DELAY_MS = 1000
export const LONGEST_DELAY_MS = 5 * 60_000
/** A run that lived this long, or the whole window, had nothing wrong with it: what came before does not count any more. */
const STABLE_MS = 5 * 60_000

export type EndedRun = {
  rule: RestartRule
  reason: ExitReason
  /** How long the run lived. */
  ranMs: number
  /** When the restarts before this one were decided, oldest first. ISO 8601. */
  earlier: readonly string[]
  now: Date
  /** Within [0, 1). */
  random: () => number
}

export type RestartDecision =
  /** The end is accepted: the wish is over. */
  | { kind: 'accept' }
  /** It ended too often: the wish is over, and somebody has to look. */
  | { kind: 'giveUp'; attempts: number }
  /** `earlier` counts this restart too. */
  | { kind: 'restart'; attempt: number; at: Date; earlier: string[] }

/**
 * What follows when a game ended that nobody had stopped: at most `maximumRestarts` restarts within `windowSeconds`, each
 * waiting twice as long as the one before, with the later half of the wait at random so that games that fell together do
 * not rise together.
 */
export function decideRestart({ rule, reason, ranMs, earlier, now, random }: EndedRun): RestartDecision {
  const isWanted = rule.policy === 'ALWAYS' || (rule.policy === 'ON_FAILURE' && reason !== 'STOPPED')
  if (!isWanted) return { kind: 'accept' }
  const windowMs = rule.windowSeconds * 1000
  const isStable = ranMs >= Math.min(STABLE_MS, windowMs)
  const counted = isStable ? [] : earlier.filter((at) => now.getTime() - Date.parse(at) < windowMs)
  if (counted.length >= rule.maximumRestarts) return { kind: 'giveUp', attempts: counted.length }
  const attempt = counted.length + 1
  const delay = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), LONGEST_DELAY_MS)
  return {
    kind: 'restart',
    attempt,
    at: new Date(now.getTime() + Math.round(delay * (0.5 + random() / 2))),
    earlier: [...counted, now.toISOString()],
  }
}
