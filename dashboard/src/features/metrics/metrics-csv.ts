import type { Bucket, Measure } from './buckets.ts'

const ENDS = ['minimum', 'average', 'maximum'] as const

/** All values as RFC 4180: one line for each bucket, times in UTC, empty where nothing was measured, numbers as the api gives them. */
export function metricsCsv(buckets: readonly Bucket[], measures: readonly Measure[]): string {
  const head = ['at', ...measures.flatMap((measure) => ENDS.map((end) => `${measure} ${end}`))]
  const rows = buckets.map((bucket) => [
    new Date(bucket.at).toISOString(),
    ...measures.flatMap((measure) => ENDS.map((end) => String(bucket[measure]?.[end] ?? ''))),
  ])
  return [head, ...rows].map((cells) => `${cells.join(',')}\r\n`).join('')
}
