import type { ChartContent } from '../../components/chart-content.ts'
import type { Bucket } from './buckets.ts'
import { chartLines } from './chart-lines.ts'
import type { ChartSpec } from './chart-specs.ts'
import type { Gap } from './gaps.ts'
import type { Mark } from './marks.ts'
import type { Edges } from './time-range.ts'
import { markLooks, type ChartWords } from './use-chart-words.ts'

/** Everything that one chart draws of a range. */
export function chartContent(
  spec: ChartSpec,
  shown: { buckets: readonly Bucket[]; gaps: readonly Gap[]; marks: readonly Mark[]; edges: Edges },
  words: ChartWords,
): ChartContent {
  const unit = words.units.value[spec.unit]
  return {
    from: shown.edges.from / 1000,
    to: shown.edges.to / 1000,
    at: shown.buckets.map(({ at }) => at / 1000),
    lines: chartLines(spec, shown.buckets, words.lineName),
    limit: spec.limit === null ? null : { value: spec.limit, text: words.limitText(spec) },
    // Before there was anything there was nothing to measure.
    gaps: shown.gaps
      .filter(({ cause }) => cause !== 'BEFORE')
      .map((gap) => ({ from: gap.from / 1000, to: gap.to / 1000, texts: words.gapTexts(gap) })),
    marks: shown.marks.map(({ at, kind }) => ({ at: at / 1000, ...markLooks[kind] })),
    axisSteps: unit.axisSteps,
    // Nothing is nothing in every unit.
    formatValue: (value) => (value === 0 && spec.unit !== 'percent' ? '0' : unit.format(value)),
    formatTime: (seconds, stepSeconds) => words.times.value.tick(seconds * 1000, stepSeconds),
  }
}
