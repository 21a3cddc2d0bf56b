import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
/** Walking a tree of many files costs: a value is that old at most, while somebody asks. */
const FRESH_MS = 60_000

/** Disk used by folders, measured in the background; one walk at a time. */
export type DiskUsage = {
  /** The newest measured bytes below a folder, null before the first; an old one is measured anew in the background. */
  bytesOf(folder: string): number | null
}

export function createDiskUsage(monotonicMs: () => number): DiskUsage {
  const known = new Map<string, { bytes: number; at: number }>()
  let walk: Promise<void> = Promise.resolve()
  const queued = new Set<string>()

  async function measure(folder: string): Promise<void> {
    const du = execute('du', ['--summarize', '--block-size=1', '--one-file-system', folder])
    // Files come and go while it walks: it complains of those, and tells the sum of all others.
    const { stdout = '' } = await du.catch((error: unknown) => error as { stdout?: string })
    const bytes = Number.parseInt(stdout, 10)
    if (!Number.isNaN(bytes)) known.set(folder, { bytes, at: monotonicMs() })
  }

  return {
    bytesOf(folder) {
      const value = known.get(folder)
      if ((value === undefined || monotonicMs() - value.at > FRESH_MS) && !queued.has(folder)) {
        queued.add(folder)
        walk = walk.then(() => measure(folder)).finally(() => queued.delete(folder))
      }
      return value?.bytes ?? null
    },
  }
}
