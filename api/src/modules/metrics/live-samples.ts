import { MOST_AHEAD_MS } from '../../lib/clock.ts'

/** The newest measurement of each subject, and those who watch. */
export type LiveSamples<Sample> = {
  /** One from the future is passed over: it would stay the newest until then. */
  ingest(id: string, sample: Sample): void
  /** Null when there is none of the last minutes. */
  latest(id: string): Sample | null
  /** Measurements as they come. Only the newest counts: a slow viewer skips, it does not queue. */
  follow(id: string, signal: AbortSignal): AsyncGenerator<Sample, void, undefined>
  /** It is gone: ends the reading of those who watch. */
  forget(id: string): void
  isWatched(id: string): boolean
  /** How many watch. */
  viewerCount(): number
}

const FRESH_MS = 120_000

/** @param onWatched told when a subject's first viewer comes, and when its last one goes */
export function createLiveSamples<Sample extends { at: Date }>(now: () => Date, onWatched: (id: string) => void): LiveSamples<Sample> {
  const newest = new Map<string, Sample>()
  const viewers = new Map<string, Set<{ take(sample: Sample): void; end(): void }>>()

  return {
    ingest(id, sample) {
      if (sample.at.getTime() >= now().getTime() + MOST_AHEAD_MS) return
      // What was kept while the api was away comes late.
      if ((newest.get(id)?.at ?? sample.at) > sample.at) return
      newest.set(id, sample)
      for (const viewer of viewers.get(id) ?? []) viewer.take(sample)
    },
    latest(id) {
      const sample = newest.get(id)
      if (sample === undefined) return null
      if (now().getTime() - sample.at.getTime() <= FRESH_MS) return sample
      newest.delete(id)
      return null
    },
    async *follow(id, signal) {
      let next: Sample | null = newest.get(id) ?? null
      let wake: (() => void) | null = null
      let isOver = signal.aborted
      const viewer = {
        take(sample: Sample) {
          next = sample
          wake?.()
        },
        end() {
          isOver = true
          wake?.()
        },
      }
      const set = viewers.get(id) ?? new Set()
      viewers.set(id, set.add(viewer))
      if (set.size === 1) onWatched(id)
      signal.addEventListener('abort', viewer.end)
      try {
        while (!isOver) {
          if (next !== null) {
            const sample = next
            next = null
            yield sample
            continue
          }
          await new Promise<void>((resolve) => {
            wake = resolve
            if (isOver) resolve()
          })
          wake = null
        }
      } finally {
        signal.removeEventListener('abort', viewer.end)
        set.delete(viewer)
        if (set.size === 0) {
          viewers.delete(id)
          onWatched(id)
        }
      }
    },
    forget(id) {
      newest.delete(id)
      for (const viewer of viewers.get(id) ?? []) viewer.end()
    },
    isWatched: (id) => viewers.has(id),
    viewerCount: () => [...viewers.values()].reduce((count, set) => count + set.size, 0),
  }
}
