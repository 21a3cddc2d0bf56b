/** The newest measurement of each subject, and those who watch. */
export type LiveSamples<Sample> = {
  ingest(id: string, sample: Sample): void
  /** Null when there is none of the last minutes. */
  latest(id: string): Sample | null
  /** Measurements as they come. Only the newest counts: a slow viewer skips, it does not queue. */
  follow(id: string, signal: AbortSignal): AsyncGenerator<Sample, void, undefined>
  isWatched(id: string): boolean
  /** How many watch. */
  viewerCount(): number
}

const FRESH_MS = 120_000

/** @param onWatched told when a subject's first viewer comes, and when its last one goes */
export function createLiveSamples<Sample extends { at: Date }>(onWatched: (id: string) => void): LiveSamples<Sample> {
  const newest = new Map<string, Sample>()
  const viewers = new Map<string, Set<(sample: Sample) => void>>()

  return {
    ingest(id, sample) {
      // What was kept while the api was away comes late.
      if ((newest.get(id)?.at ?? sample.at) > sample.at) return
      newest.set(id, sample)
      for (const take of viewers.get(id) ?? []) take(sample)
    },
    latest(id) {
      const sample = newest.get(id)
      if (sample === undefined) return null
      if (Date.now() - sample.at.getTime() <= FRESH_MS) return sample
      newest.delete(id)
      return null
    },
    async *follow(id, signal) {
      let next: Sample | null = newest.get(id) ?? null
      let wake: (() => void) | null = null
      const take = (sample: Sample) => {
        next = sample
        wake?.()
      }
      const set = viewers.get(id) ?? new Set()
      viewers.set(id, set.add(take))
      if (set.size === 1) onWatched(id)
      const abort = () => wake?.()
      signal.addEventListener('abort', abort)
      try {
        while (!signal.aborted) {
          if (next !== null) {
            const sample = next
            next = null
            yield sample
            continue
          }
          await new Promise<void>((resolve) => {
            wake = resolve
            if (signal.aborted) resolve()
          })
          wake = null
        }
      } finally {
        signal.removeEventListener('abort', abort)
        set.delete(take)
        if (set.size === 0) {
          viewers.delete(id)
          onWatched(id)
        }
      }
    },
    isWatched: (id) => viewers.has(id),
    viewerCount: () => [...viewers.values()].reduce((count, set) => count + set.size, 0),
  }
}
