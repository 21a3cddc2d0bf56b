import type { ChartLine } from '../../components/chart-content.ts'
import type { Bucket } from './buckets.ts'
import type { ChartSpec } from './chart-specs.ts'

/** The lines of a chart out of the buckets, in its unit: the average, and the lowest and highest around it; null stays null. */
export function chartLines(spec: ChartSpec, buckets: readonly Bucket[], labelOf: (name: string) => string): ChartLine[] {
  return spec.lines.map(({ measure, name }, index) => {
    const column = (end: 'minimum' | 'average' | 'maximum') =>
      buckets.map((bucket) => {
        const value = bucket[measure]?.[end]
        return value === undefined ? null : value * spec.scale
      })
    return {
      label: name === null ? '' : labelOf(name),
      values: column('average'),
      low: column('minimum'),
      high: column('maximum'),
      colour: index === 0 ? 'accent' : 'series-2',
      isDashed: index > 0,
      isLevel: spec.isLevel,
    }
  })
}
