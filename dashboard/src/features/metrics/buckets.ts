import type { Series } from './metrics-fragments.ts'

export type Band = { minimum: number; average: number; maximum: number }

export const MEASURES = [
  'cpuPercent',
  'loadAverage',
  'memoryBytes',
  'diskBytes',
  'diskReadBytesPerSecond',
  'diskWriteBytesPerSecond',
  'networkRxBytesPerSecond',
  'networkTxBytesPerSecond',
  'processCount',
  'containerCount',
] as const
export type Measure = (typeof MEASURES)[number]

/** What was measured from `at` (ms) on for one step; null is what was not. */
export type Bucket = Readonly<{ at: number; memoryLimitBytes: number | null; diskLimitBytes: number | null }> &
  Readonly<Record<Measure, Band | null>>

/** A live measurement; what its subject has not is absent. */
export type Sample = { at: string; memoryLimitBytes?: number; diskLimitBytes?: number } & Partial<Record<Measure, number>>

/** Every subject has it: where it is null nothing was measured. */
export const isMeasured = (bucket: Bucket) => bucket.cpuPercent !== null

export const bucketsOf = (series: Series): Bucket[] => series.points.map((point) => ({ ...point, at: Date.parse(point.at) }))

const EMPTY = {
  memoryLimitBytes: null,
  diskLimitBytes: null,
  ...(Object.fromEntries(MEASURES.map((name) => [name, null])) as Record<Measure, null>),
}

/** Longest time that one sample stands for, in seconds: the usual distance when nobody watches. */
const LONGEST_WEIGHT = 30

/** Mean of what a bucket knows of its first `seconds`, and a sample that stands for the next `weight`. */
function joined(band: Band | null, seconds: number, value: number, weight: number): Band {
  if (band === null || seconds <= 0) return { minimum: value, average: value, maximum: value }
  return {
    minimum: Math.min(band.minimum, value),
    average: (band.average * seconds + value * weight) / (seconds + weight),
    maximum: Math.max(band.maximum, value),
  }
}

/** Grows a series by live measurements. */
export type Tail = {
  /** The series with what came since. A new array after each `add`; buckets that did not change are the same objects. */
  readonly buckets: readonly Bucket[]
  /** Time of the newest live measurement, ms; null before the first. */
  readonly newestAt: number | null
  add(sample: Sample): void
  /** Forgets what is older than this, ms. */
  dropBefore(at: number): void
}

/** @param readAt when the series was read, ms: its last bucket knows of nothing later */
export function createTail(series: Series, readAt: number): Tail {
  const step = series.stepSeconds * 1000
  let buckets: readonly Bucket[] = bucketsOf(series)
  let newestAt: number | null = null
  /** Up to here the last bucket has been measured, ms. */
  let measuredTo = readAt

  return {
    get buckets() {
      return buckets
    },
    get newestAt() {
      return newestAt
    },
    add(sample) {
      const at = Date.parse(sample.at)
      const first = buckets[0]?.at ?? Math.floor(at / step) * step
      const start = first + Math.floor((at - first) / step) * step
      const last = buckets.at(-1)
      // Kept while the api was away: the series is read again for those.
      if (at <= (newestAt ?? 0) || (last !== undefined && start < last.at)) return
      newestAt = at
      const grown = [...buckets]
      for (let next = last === undefined ? start : last.at + step; next <= start; next += step) grown.push({ ...EMPTY, at: next })
      const bucket = grown.at(-1) ?? { ...EMPTY, at: start }
      const seconds = Math.max(0, Math.min(measuredTo, at) - start) / 1000
      const weight = Math.min(LONGEST_WEIGHT, Math.max(1, (at - measuredTo) / 1000))
      const bands = Object.fromEntries(
        MEASURES.map((name) => {
          const value = sample[name]
          return [name, value === undefined ? bucket[name] : joined(bucket[name], seconds, value, weight)]
        }),
      ) as Record<Measure, Band | null>
      grown[grown.length - 1] = {
        at: start,
        memoryLimitBytes: sample.memoryLimitBytes ?? bucket.memoryLimitBytes,
        diskLimitBytes: sample.diskLimitBytes ?? bucket.diskLimitBytes,
        ...bands,
      }
      buckets = grown
      measuredTo = at
    },
    dropBefore(at) {
      const kept = buckets.findIndex((bucket) => bucket.at + step > at)
      if (kept > 0) buckets = buckets.slice(kept)
    },
  }
}

/** Over all of a range: mean of the averages, and the highest with its time (ms); null when nothing was measured. */
export function summaryOf(buckets: readonly Bucket[], measure: Measure): { average: number; maximum: number; maximumAt: number } | null {
  let sum = 0
  let count = 0
  let maximum = Number.NEGATIVE_INFINITY
  let maximumAt = 0
  for (const bucket of buckets) {
    const band = bucket[measure]
    if (band === null) continue
    sum += band.average
    count += 1
    if (band.maximum > maximum) [maximum, maximumAt] = [band.maximum, bucket.at]
  }
  return count === 0 ? null : { average: sum / count, maximum, maximumAt }
}
