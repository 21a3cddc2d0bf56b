import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Store } from '../state/store.ts'

const execute = promisify(execFile)
/** Walking a tree of many files costs: one with a value rests that long after each walk. */
const FRESH_MS = 60_000
/** A walk that takes longer says nothing, and others have their turn. */
const LONGEST_WALK_MS = 120_000

/** Disk used by servers, measured in the background. */
export type DiskUsage = {
  /** The newest measured bytes of a server, null before the first; an old one is measured anew in the background. */
  bytesOf(serverId: string): number | null
}

export type DiskUsageDeps = {
  folderOf: (serverId: string) => string
  /** Keeps what was measured: after a restart of the agent the first walks may take long. */
  store: Pick<Store, 'diskBytes' | 'setDiskBytes'>
  monotonicMs: () => number
  longestWalkMs?: number
}

export function createDiskUsage({ folderOf, store, monotonicMs, longestWalkMs = LONGEST_WALK_MS }: DiskUsageDeps): DiskUsage {
  const walkedAt = new Map<string, number>()
  // One walk at a time in each: who has no value yet does not wait for those that have one.
  const walks = { first: Promise.resolve(), again: Promise.resolve() }
  const queued = new Set<string>()

  async function measure(serverId: string, longestMs: number): Promise<void> {
    const du = execute('du', ['--summarize', '--block-size=1', '--one-file-system', folderOf(serverId)], {
      timeout: longestMs,
      killSignal: 'SIGKILL',
    })
    // Files come and go while it walks: it complains of those, and tells the sum of all others.
    const { stdout = '' } = await du.catch((error: unknown) => error as { stdout?: string })
    const bytes = Number.parseInt(stdout, 10)
    if (!Number.isNaN(bytes)) store.setDiskBytes(serverId, bytes)
  }

  return {
    bytesOf(serverId) {
      const bytes = store.diskBytes(serverId)
      const isDue = bytes === null || monotonicMs() - (walkedAt.get(serverId) ?? -Infinity) > FRESH_MS
      if (isDue && !queued.has(serverId)) {
        queued.add(serverId)
        // Without a value a server has no figures at all: the first walk may take much longer.
        const [turn, longestMs] = bytes === null ? (['first', 5 * longestWalkMs] as const) : (['again', longestWalkMs] as const)
        walks[turn] = walks[turn]
          .then(() => measure(serverId, longestMs))
          // A program that cannot even be started says nothing either.
          .catch(() => undefined)
          .finally(() => {
            walkedAt.set(serverId, monotonicMs())
            queued.delete(serverId)
          })
      }
      return bytes
    },
  }
}
