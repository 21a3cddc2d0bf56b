import type { Database } from '../../db/database.ts'
import type { SeriesChoice } from './series-choice.ts'
import { columnOf, ORIGIN, SUBJECTS, type Limit, type Measure, type Subject } from './series.ts'

/** One bucket of a measure. */
export type MetricBand = { minimum: number; average: number; maximum: number }

/** One bucket. Null where nothing was measured, or where the subject has no such measure. */
export type MetricPoint = { at: Date } & Record<Measure, MetricBand | null> & Record<Limit, number | null>

export type MetricSeries = { stepSeconds: number; from: Date; to: Date; points: MetricPoint[] }

export type SeriesReadModel = {
  /** Every bucket of the choice, those without measurements too. */
  read(subject: Subject, id: string, choice: SeriesChoice): Promise<MetricSeries>
}

type Row = { at: Date } & Record<string, number>

const MEASURES: readonly Measure[] = [...new Set(Object.values(SUBJECTS).flatMap(({ measures }) => measures))]
const LIMITS: readonly Limit[] = [...new Set(Object.values(SUBJECTS).flatMap(({ limits }) => limits))]

/** One row for each bucket that has measurements. $1: id, $2: step in seconds, $3 and $4: from and to. */
export function seriesStatement(subject: Subject, table: SeriesChoice['table']): string {
  const isRaw = table === 'sample'
  const measures = SUBJECTS[subject].measures.flatMap((name) => {
    const column = columnOf(name)
    return isRaw
      ? [`min(${column}) as "${name} min"`, `avg(${column}) as "${name} avg"`, `max(${column}) as "${name} max"`]
      : [
          `min(${column}_min) as "${name} min"`,
          `sum(${column}_avg * count) / sum(count) as "${name} avg"`,
          `max(${column}_max) as "${name} max"`,
        ]
  })
  const limits = SUBJECTS[subject].limits.map((name) => `max(${columnOf(name)}${isRaw ? '' : '_max'})::float8 as "${name}"`)
  const casts = measures.map((column) => column.replace(/ as /, '::float8 as '))
  return `select date_bin(make_interval(secs => $2), at, '${ORIGIN}') as bucket, ${[...casts, ...limits].join(', ')}
    from series.${subject}_${table}
    where ${isRaw ? `${subject}_key` : 'key'} = (select key from series.${subject} where id = $1) and at >= $3 and at < $4
    group by 1`
}

export function createSeriesReadModel({ db }: { db: Database }): SeriesReadModel {
  return {
    async read(subject, id, { table, stepSeconds, from, to }) {
      const { rows } = await db.pool.query<Row & { bucket: Date }>({
        name: `series-${subject}-${table}`,
        text: seriesStatement(subject, table),
        values: [id, stepSeconds, from, to],
      })
      const byTime = new Map(rows.map((row) => [row.bucket.getTime(), row]))
      const points: MetricPoint[] = []
      for (let time = from.getTime(); time < to.getTime(); time += stepSeconds * 1000) {
        const row = byTime.get(time)
        const band = (name: Measure): MetricBand | null => {
          const [minimum, average, maximum] = [row?.[`${name} min`], row?.[`${name} avg`], row?.[`${name} max`]]
          return minimum === undefined || average === undefined || maximum === undefined ? null : { minimum, average, maximum }
        }
        points.push({
          at: new Date(time),
          ...(Object.fromEntries(MEASURES.map((name) => [name, band(name)])) as Record<Measure, MetricBand | null>),
          ...(Object.fromEntries(LIMITS.map((name) => [name, row?.[name] ?? null])) as Record<Limit, number | null>),
        })
      }
      return { stepSeconds, from, to, points }
    },
  }
}
