import { DAY_MS, ROLL_UPS, type Retention, type RollUp } from './series.ts'

/** Where a chart is read, and how: buckets of `stepSeconds` from `from` up to `to`, both on a bucket's edge. */
export type SeriesChoice = { table: 'sample' | RollUp; stepSeconds: number; from: Date; to: Date }

/** A day of five minutes: a table with fewer buckets in the range is too coarse for it. */
const FEWEST_BUCKETS = 288
/** Two measurements at the usual rate: with one, each that comes a little late would leave a gap. */
const FINEST_STEP_SECONDS = 60

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400
const STEPS = [1, 2, 5, 10, 15, 30]
  .map((minutes) => minutes * MINUTE)
  .concat([1, 2, 3, 4, 6, 12].map((hours) => hours * HOUR))
  .concat([1, 2, 7, 14, 28, 56, 112, 224, 448].map((days) => days * DAY))
const LONGEST_STEP = STEPS.at(-1) ?? DAY

/** Buckets of weeks begin on a Saturday: day 0 of the count is 1 January 2000. */
const ORIGIN_SECONDS = Date.UTC(2000, 0, 1) / 1000

/**
 * The coarsest table that still has enough buckets in the range and is kept that long, else the finest that is; and the
 * shortest step that gives no more than `points`.
 */
export function chooseSeries(from: Date, to: Date, points: number, now: Date, retention: Retention): SeriesChoice {
  const kept = { sample: retention.sampleDays, '5m': retention.fiveMinuteDays, '1h': retention.hourDays, '1d': Infinity }
  const tables = [{ table: 'sample' as const, seconds: FINEST_STEP_SECONDS }, ...ROLL_UPS]
  const seconds = (to.getTime() - from.getTime()) / 1000
  const there = tables.filter(({ table }) => from.getTime() >= now.getTime() - kept[table] * DAY_MS)
  const fine = there.filter((table) => seconds / table.seconds >= FEWEST_BUCKETS)
  const chosen = fine.at(-1) ?? there[0] ?? { table: '1d' as const, seconds: DAY }

  const edges = (step: number) => {
    const first = Math.floor((from.getTime() / 1000 - ORIGIN_SECONDS) / step)
    const last = Math.ceil((to.getTime() / 1000 - ORIGIN_SECONDS) / step)
    return { first, last }
  }
  const fits = (step: number) => {
    const { first, last } = edges(step)
    return step >= chosen.seconds && last - first <= points
  }
  const stepSeconds = STEPS.find(fits) ?? LONGEST_STEP
  const { first, last } = edges(stepSeconds)
  const at = (bucket: number) => new Date((ORIGIN_SECONDS + bucket * stepSeconds) * 1000)
  return { table: chosen.table, stepSeconds, from: at(first), to: at(last) }
}
