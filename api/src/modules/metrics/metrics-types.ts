import { builder } from '../../graphql/builder.ts'
import type { ServerMetrics } from './metrics-service.ts'

export const ServerMetricsType = builder.objectRef<ServerMetrics>('ServerMetrics').implement({
  description: 'One measurement of a running server.',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime' }),
    cpuPercent: t.exposeFloat('cpuPercent', { description: '100 is one core.' }),
    memoryBytes: t.expose('memoryBytes', { type: 'SafeInt', description: 'Working set.' }),
    memoryLimitBytes: t.expose('memoryLimitBytes', { type: 'SafeInt' }),
    diskBytes: t.expose('diskBytes', { type: 'SafeInt' }),
    networkRxBytesPerSecond: t.exposeFloat('networkRxBytesPerSecond'),
    networkTxBytesPerSecond: t.exposeFloat('networkTxBytesPerSecond'),
    processCount: t.exposeInt('processCount'),
  }),
})
