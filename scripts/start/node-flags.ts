/** Lets a part give memory back when something large is over (`globalThis.gc`): the engine alone waits until it needs it. */
const TIDY = '--expose-gc'

/**
 * glibc's own threshold, which it otherwise raises to the largest buffer that it has seen freed: from this size on a buffer goes
 * back to the kernel at once and does not tear holes into the heap of the small ones.
 */
const LARGE_BUFFERS_APART = { MALLOC_MMAP_THRESHOLD_: '131072' }

/**
 * How Node runs the api. Garbage is collected when there is half as much of it as there is in use; by itself the engine waits for
 * three times as much, and what buffers hang on it leaves holes in the heap of malloc. What is young has half the room that it
 * would take: 50 MB under load instead of 100.
 */
export const API_NODE = {
  flags: [TIDY, '--heap-growing-percent=50', '--max-semi-space-size=16'],
  environment: LARGE_BUFFERS_APART,
} as const

/**
 * How Node runs the agent, which shares its machine with games: it collects garbage more often and keeps less code, and malloc
 * has one arena instead of several for each processor. Together about a third less memory.
 */
export const AGENT_NODE = {
  flags: [TIDY, '--optimize-for-size', '--max-semi-space-size=2'],
  environment: { MALLOC_ARENA_MAX: '1', ...LARGE_BUFFERS_APART },
} as const
