/** A time without measurements: the last one before it, and the first one after it. */
export type MetricGap = { from: Date; to: Date }

/** Of the two ends as an event keeps them (RFC 3339); null when it has none. */
export function metricGap(from: unknown, to: unknown): MetricGap | null {
  return typeof from === 'string' && typeof to === 'string' ? { from: new Date(from), to: new Date(to) } : null
}
