import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
/** Walking a tree of many files costs: a value is that old at most, while somebody asks. */
const FRESH_MS = 60_000

/** Disk used by folders, measured in the background; one walk at a time. */
export type DiskUsage = {
  /** The newest measured bytes below a folder, 0 before the first; an old one is measured anew in the background. */
  bytesOf(folder: string): number
}

export function createDiskUsage(monotonicMs: () => number): DiskUsage {
  const known = new Map<string, { bytes: number; at: number }>()
  let walk: Promise<void> = Promise.resolve()
  const queued = new Set<string>()

  async function measure(folder: string): Promise<void> {
    const { stdout } = await execute('du', ['--summarize', '--block-size=1', '--one-file-system', folder], { timeout: 120_000 })
    known.set(folder, { bytes: Number(stdout.split('\t')[0] ?? 0), at: monotonicMs() })
  }

  return {
    bytesOf(folder) {
      const value = known.get(folder)
      if ((value === undefined || monotonicMs() - value.at > FRESH_MS) && !queued.has(folder)) {
        queued.add(folder)
        // Files come and go while du walks: it may complain, and the next walk tells the truth.
        walk = walk
          .then(() => measure(folder))
          .catch(() => undefined)
          .finally(() => queued.delete(folder))
      }
      return value?.bytes ?? 0
    },
  }
}
