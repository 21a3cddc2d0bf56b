const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Ranges that end now, with their lengths in ms. */
export const RANGES = { '1h': HOUR, '6h': 6 * HOUR, '24h': DAY, '7d': 7 * DAY, '30d': 30 * DAY, '1y': 365 * DAY } as const
export type RangeKey = keyof typeof RANGES
export const rangeKeys = Object.keys(RANGES) as RangeKey[]
const DEFAULT_KEY: RangeKey = '24h'

/** Both ends, in ms since 1970. */
export type Edges = { from: number; to: number }

/** What a chart shows: so much up to now, or a time between two. */
export type TimeRange = { key: RangeKey } | Edges

/** What the api takes: a minute to ten years. */
export const SHORTEST_MS = 60_000
export const LONGEST_MS = 10 * 366 * DAY
/** A zoom goes no closer: five buckets of the finest measurements. */
const CLOSEST_MS = 5 * 60_000

type Query = Readonly<Record<string, unknown>>

const isKey = (value: unknown): value is RangeKey => typeof value === 'string' && Object.hasOwn(RANGES, value)
const timeOf = (value: unknown) => (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN)

/** Whether these edges can be shown. */
export function isShowable({ from, to }: Edges): boolean {
  return to - from >= SHORTEST_MS && to - from <= LONGEST_MS
}

/** The range that an address names. What it names wrongly is not understood, and the default is shown. */
export function readRange(query: Query): { range: TimeRange; isUnderstood: boolean } {
  if (query['from'] !== undefined || query['to'] !== undefined) {
    const edges = { from: timeOf(query['from']), to: timeOf(query['to']) }
    // Not a number fails each comparison.
    return isShowable(edges) ? { range: edges, isUnderstood: true } : { range: { key: DEFAULT_KEY }, isUnderstood: false }
  }
  const key = query['range']
  return isKey(key) ? { range: { key }, isUnderstood: true } : { range: { key: DEFAULT_KEY }, isUnderstood: key === undefined }
}

/** The part of an address that names a range; the default leaves it clean. */
export function rangeQuery(range: TimeRange): Record<string, string> {
  if (!('key' in range)) return { from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() }
  return range.key === DEFAULT_KEY ? {} : { range: range.key }
}

export function edgesOf(range: TimeRange, now: number): Edges {
  return 'key' in range ? { from: now - RANGES[range.key], to: now } : { from: range.from, to: range.to }
}

/** Ends now or later: new measurements belong to it. */
export function isLive(range: TimeRange, now: number): boolean {
  return 'key' in range || range.to > now
}

/** One length earlier or later. What would pass now ends now. */
export function shiftRange(range: TimeRange, by: 1 | -1, now: number): TimeRange {
  const { from, to } = edgesOf(range, now)
  const length = to - from
  if (to + by * length <= now) return { from: from + by * length, to: to + by * length }
  const key = rangeKeys.find((name) => RANGES[name] === length)
  return key === undefined ? { from: now - length, to: now } : { key }
}

/** What a drag has marked, to whole seconds, and not closer than there are measurements. */
export function zoomRange({ from, to }: Edges): Edges {
  const middle = (from + to) / 2
  const half = Math.max(to - from, CLOSEST_MS) / 2
  return { from: Math.floor((middle - half) / 1000) * 1000, to: Math.ceil((middle + half) / 1000) * 1000 }
}
