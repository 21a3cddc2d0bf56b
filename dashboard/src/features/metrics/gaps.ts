import { isMeasured, type Bucket } from './buckets.ts'
import type { Edges } from './time-range.ts'

/** STOPPED: it did not run. BEFORE: it was not there yet. UNMEASURED: it was there, and its agent did not measure. */
export type GapCause = 'STOPPED' | 'BEFORE' | 'UNMEASURED' | 'UNKNOWN'
export type Gap = Edges & { cause: GapCause }

/** What tells when a server ran: STARTED and EXITED, oldest first, `at` in ms. */
export type LifeEvent = { at: number; kind: string }

/** What is known of the subject of a chart. */
export type Life = {
  /** When it was made, ms. */
  createdAt: number
  events: readonly LifeEvent[]
  /** Whether it runs at the end of the range; null when that is not known. */
  runsAtEnd: boolean | null
  /** Nodes have no start and end: they are there or not measured. */
  isAlwaysRunning: boolean
}

/** The length from which a gap is an event. */
const SHORTEST_MS = 120_000
/** The newest measurements are stored and rolled up once a minute: that they are not there yet is no gap. */
const LATE_MS = 180_000

/** Why nothing was measured, by what happened around the middle of the gap. */
function causeOf({ from, to }: Edges, life: Life, stepMs: number): GapCause {
  if (to <= life.createdAt + stepMs) return 'BEFORE'
  if (life.isAlwaysRunning) return 'UNMEASURED'
  const middle = (from + to) / 2
  const turns = life.events.filter(({ kind }) => kind === 'STARTED' || kind === 'EXITED')
  const before = turns.findLast(({ at }) => at <= middle)
  if (before !== undefined) return before.kind === 'EXITED' ? 'STOPPED' : 'UNMEASURED'
  const after = turns.find(({ at }) => at > middle)
  if (after !== undefined) return after.kind === 'STARTED' ? 'STOPPED' : 'UNMEASURED'
  return life.runsAtEnd === null ? 'UNKNOWN' : life.runsAtEnd ? 'UNMEASURED' : 'STOPPED'
}

/** Times of at least two minutes inside `edges` and before `now` (ms) in which nothing was measured. */
export function findGaps(buckets: readonly Bucket[], stepMs: number, edges: Edges, now: number, life: Life): Gap[] {
  const end = Math.min(edges.to, now)
  const found: Gap[] = []
  let start: number | null = null
  const close = (to: number, shortest: number) => {
    if (start === null) return
    const gap = { from: Math.max(start, edges.from), to: Math.min(to, end) }
    if (gap.to - gap.from >= shortest) found.push({ ...gap, cause: causeOf(gap, life, stepMs) })
    start = null
  }
  for (const bucket of buckets) {
    if (isMeasured(bucket)) close(bucket.at, SHORTEST_MS)
    else start ??= bucket.at
  }
  const last = buckets.at(-1)
  if (start === null && last !== undefined) start = last.at + stepMs
  close(end, end < now ? SHORTEST_MS : Math.max(LATE_MS, stepMs))
  return found
}
