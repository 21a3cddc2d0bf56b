import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { StateShape } from '../../components/state-look.ts'
import { useFormat } from '../../composables/use-format.ts'
import type { TokenName } from '../../theme/tokens.ts'
import { isMeasured, summaryOf, type Bucket } from './buckets.ts'
import type { ChartSpec } from './chart-specs.ts'
import { createChartTimes } from './chart-times.ts'
import { chartUnits } from './chart-units.ts'
import type { Gap, GapCause } from './gaps.ts'
import { countMarks, type Mark } from './marks.ts'
import type { Edges, TimeRange } from './time-range.ts'

/** What is read out of a chart: some words, of which what counts is bold. */
export type Word = { text: string; isStrong: boolean }
/** An entry of the line above the charts. `HATCH` stands for a gap. */
export type Explanation = { key: string; shape: Mark['kind'] | 'HATCH' | null; text: string }

export const markLooks: Readonly<Record<Mark['kind'], { shape: 'triangle' | 'disc'; colour: TokenName; state: StateShape }>> = {
  CRASH: { shape: 'triangle', colour: 'danger', state: 'crashed' },
  START: { shape: 'disc', colour: 'running', state: 'running' },
  RESTART: { shape: 'disc', colour: 'muted', state: 'running' },
}

const strong = (text: string): Word => ({ text, isStrong: true })
const plain = (text: string): Word => ({ text, isStrong: false })

/** The texts of charts. */
export function useChartWords() {
  const { t, te, locale } = useI18n()
  const format = useFormat()
  const units = computed(() => chartUnits(format.value))
  const times = computed(() => createChartTimes(locale.value))

  const nameOf = ({ key }: ChartSpec) => t(`charts.names.${key}`)
  const lineName = (name: string | null) => (name === null ? '' : t(`charts.lines.${name}`))
  const write = ({ unit }: ChartSpec, value: number) => units.value[unit].format(value)
  const durationOf = ({ from, to }: Edges) => format.value.duration(to - from)

  function rangeName(range: TimeRange): string {
    if ('key' in range) return t(`charts.ranges.${range.key}`)
    const [from, to] = times.value.edges(range.from, range.to)
    return t('charts.between', { from, to })
  }
  function limitText(spec: ChartSpec): string {
    return spec.limit === null ? '' : t('charts.limit', { limit: write(spec, spec.limit) })
  }
  const causeOf = (cause: GapCause) => t(`charts.causes.${cause}`)

  return {
    units,
    times,
    nameOf,
    lineName,
    write,
    rangeName,
    limitText,
    hintOf(spec: ChartSpec): string {
      const key = `charts.hints.${spec.key}`
      // All cores are a hundred per cent: that needs no number.
      const limit = spec.limit === null || spec.key === 'nodeCpu' ? '' : t('charts.of', { limit: write(spec, spec.limit) })
      return [te(key) ? t(key) : '', limit].filter((text) => text !== '').join(', ')
    },
    /** The chart as one sentence for those who do not see it. */
    sentence(spec: ChartSpec, range: TimeRange, buckets: readonly Bucket[], stepMs: number, gaps: readonly Gap[]): string {
      const parts = spec.lines.flatMap(({ measure, name }) => {
        const summary = summaryOf(buckets, measure)
        if (summary === null) return []
        const rangeMs = (buckets.at(-1)?.at ?? 0) - (buckets[0]?.at ?? 0)
        const values = {
          line: name === null ? '' : `${lineName(name)} `,
          average: write(spec, summary.average * spec.scale),
          maximum: write(spec, summary.maximum * spec.scale),
          time: times.value.point(summary.maximumAt, stepMs / 1000, rangeMs),
        }
        return [t('charts.sentence', values)]
      })
      if (parts.length === 0) parts.push(t('charts.nothing'))
      if (spec.limit !== null) parts.push(limitText(spec))
      const gapCount = gaps.filter(({ cause }) => cause !== 'BEFORE').length
      if (gapCount > 0) parts.push(t('charts.gapCount', gapCount))
      return `${nameOf(spec)}, ${rangeName(range)}: ${parts.join(', ')}`
    },
    /** At rest: mean and highest of all. */
    summary(spec: ChartSpec, buckets: readonly Bucket[]): Word[] {
      const isAlone = spec.lines.length === 1
      const words = spec.lines.flatMap(({ measure, name }, index) => {
        const summary = summaryOf(buckets, measure)
        if (summary === null) return []
        const average = write(spec, summary.average * spec.scale)
        if (!isAlone) return [index === 0 ? strong(`${lineName(name)} ${average}`) : plain(`${lineName(name)} ${average}`)]
        return [strong(average), plain(t('charts.maximum')), strong(write(spec, summary.maximum * spec.scale))]
      })
      return words.length === 0 ? [plain(t('charts.noData'))] : [plain(t('charts.average')), ...words]
    },
    /** The newest of all, without its time. */
    newest(spec: ChartSpec, buckets: readonly Bucket[]): Word[] {
      const bucket = buckets.findLast(isMeasured)
      if (bucket === undefined) return [plain(t('charts.noData'))]
      return spec.lines.flatMap(({ measure, name }, index) => {
        const band = bucket[measure]
        if (band === null) return []
        const text = `${lineName(name)} ${write(spec, band.average * spec.scale)}`.trim()
        return [index === 0 ? strong(text) : plain(text)]
      })
    },
    /** Under the crosshair: time, value and range, or why there is none. */
    point(spec: ChartSpec, bucket: Bucket, stepMs: number, rangeMs: number, gaps: readonly Gap[]): Word[] {
      const time = plain(times.value.point(bucket.at, stepMs / 1000, rangeMs))
      const values = spec.lines.flatMap(({ measure, name }, index) => {
        const band = bucket[measure]
        if (band === null) return []
        const average = write(spec, band.average * spec.scale)
        if (name !== null) return [index === 0 ? strong(`${lineName(name)} ${average}`) : plain(`${lineName(name)} ${average}`)]
        const from = write(spec, band.minimum * spec.scale)
        const to = write(spec, band.maximum * spec.scale)
        return from === to ? [strong(average)] : [strong(average), plain(t('charts.fromTo', { from, to }))]
      })
      if (values.length > 0) return [time, ...values]
      const gap = gaps.find(({ from, to }) => bucket.at < to && bucket.at + stepMs > from)
      if (gap === undefined) return [time, strong(t('charts.noData'))]
      return [time, strong(causeOf(gap.cause)), plain(durationOf(gap))]
    },
    /** What is written into a gap, longest first. */
    gapTexts: (gap: Gap): string[] => [`${causeOf(gap.cause)}, ${durationOf(gap)}`, durationOf(gap)],
    /** Marks and gaps in words, one entry for each kind. */
    explain(marks: readonly Mark[], gaps: readonly Gap[]): Explanation[] {
      const { dayAndClock, edges } = times.value
      const counted = countMarks(marks).map(({ kind, reason, at, count }) => {
        const key = kind === 'CRASH' && reason === 'OUT_OF_MEMORY' ? reason : kind
        return { key, shape: kind, text: t(`charts.marks.${key}`, { time: dayAndClock(at) }, count) }
      })
      const hatched = [...Map.groupBy(gaps, ({ cause }) => cause)].flatMap(([cause, group]): Explanation[] => {
        const last = group.at(-1)
        if (last === undefined) return []
        const [from, to] = edges(last.from, last.to)
        const time = format.value.duration(group.reduce((sum, gap) => sum + gap.to - gap.from, 0))
        return [
          { key: cause, shape: cause === 'BEFORE' ? null : 'HATCH', text: t(`charts.gaps.${cause}`, { from, to, time }, group.length) },
        ]
      })
      return [...counted, ...hatched]
    },
  }
}
export type ChartWords = ReturnType<typeof useChartWords>
