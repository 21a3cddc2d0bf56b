import type { MetricGap } from '../lib/metric-gap.ts'
import { builder } from './builder.ts'

export const MetricGapType = builder.objectRef<MetricGap>('MetricGap').implement({
  description: 'A time without measurements.',
  fields: (t) => ({
    from: t.expose('from', { type: 'DateTime', description: 'When the last one before it was made.' }),
    to: t.expose('to', { type: 'DateTime', description: 'When the first one after it was made.' }),
  }),
})
