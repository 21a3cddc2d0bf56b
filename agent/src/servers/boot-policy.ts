import type { BootPolicy } from '../state/records.ts'

export type BootFacts = {
  /** The kernel's boot id as the store has it; null when no agent wrote one. */
  knownBootId: string | null
  bootId: string
  /** Servers that were running when the agent last looked. */
  wereRunning: number
  /** Of these, those that the runtime knows a process of, living or ended. */
  areKnown: number
}

/**
 * Whether the machine was started anew since the agent last looked. The kernel says it; and a runtime that has lost every
 * trace of every game was wiped, as a machine does with it. One lost trace alone is an exit whose code is not known.
 */
export function wasRebooted({ knownBootId, bootId, wereRunning, areKnown }: BootFacts): boolean {
  return (knownBootId !== null && knownBootId !== bootId) || (wereRunning > 0 && areKnown === 0)
}

/** What becomes of a server after that: GO_ON goes by the wish, START starts whatever was wished, STAY ends the wish. */
export function decideBoot(policy: BootPolicy, isInstalled: boolean): 'GO_ON' | 'START' | 'STAY' {
  if (policy === 'NEVER') return 'STAY'
  return policy === 'ALWAYS' && isInstalled ? 'START' : 'GO_ON'
}
