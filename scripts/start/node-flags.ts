/** Lets a part give memory back when something large is over (`globalThis.gc`): the engine alone waits until it needs it. */
const TIDY = '--expose-gc'

/** How Node runs the api. */
export const API_NODE = { flags: [TIDY] } as const

/**
 * How Node runs the agent, which shares its machine with games: it collects garbage more often and keeps less code, and malloc
 * has one arena instead of several for each processor. Together about a third less memory.
 */
export const AGENT_NODE = {
  flags: [TIDY, '--optimize-for-size', '--max-semi-space-size=2'],
  environment: { MALLOC_ARENA_MAX: '1' },
} as const
