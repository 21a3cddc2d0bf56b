import { builder } from '../../graphql/builder.ts'
import type { NodeMetrics, ServerMetrics } from './metrics-service.ts'
import type { MetricBand, MetricPoint, MetricSeries } from './series-read-model.ts'

export const ServerMetricsType = builder.objectRef<ServerMetrics>('ServerMetrics').implement({
  description: 'One measurement of a running server.',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime' }),
    cpuPercent: t.exposeFloat('cpuPercent', { description: '100 is one core.' }),
    memoryBytes: t.expose('memoryBytes', { type: 'SafeInt', description: 'Working set.' }),
    memoryLimitBytes: t.expose('memoryLimitBytes', { type: 'SafeInt' }),
    diskBytes: t.expose('diskBytes', { type: 'SafeInt' }),
    diskReadBytesPerSecond: t.exposeFloat('diskReadBytesPerSecond'),
    diskWriteBytesPerSecond: t.exposeFloat('diskWriteBytesPerSecond'),
    networkRxBytesPerSecond: t.exposeFloat('networkRxBytesPerSecond'),
    networkTxBytesPerSecond: t.exposeFloat('networkTxBytesPerSecond'),
    processCount: t.exposeInt('processCount'),
  }),
})

export const NodeMetricsType = builder.objectRef<NodeMetrics>('NodeMetrics').implement({
  description: 'One measurement of a whole machine.',
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime' }),
    cpuPercent: t.exposeFloat('cpuPercent', { description: '100 is one core.' }),
    loadAverage: t.exposeFloat('loadAverage', { description: 'Of the last minute.' }),
    memoryBytes: t.expose('memoryBytes', { type: 'SafeInt', description: 'What programs cannot have any more.' }),
    memoryLimitBytes: t.expose('memoryLimitBytes', { type: 'SafeInt', description: 'What the machine has.' }),
    diskBytes: t.expose('diskBytes', { type: 'SafeInt', description: 'Used on the file system of the data folder.' }),
    diskLimitBytes: t.expose('diskLimitBytes', { type: 'SafeInt', description: 'Its size.' }),
    diskReadBytesPerSecond: t.exposeFloat('diskReadBytesPerSecond', { description: 'Of all disks.' }),
    diskWriteBytesPerSecond: t.exposeFloat('diskWriteBytesPerSecond'),
    networkRxBytesPerSecond: t.exposeFloat('networkRxBytesPerSecond', { description: 'Of all interfaces that lead out of the machine.' }),
    networkTxBytesPerSecond: t.exposeFloat('networkTxBytesPerSecond'),
    containerCount: t.exposeInt('containerCount', { description: 'Servers that run.' }),
  }),
})

const MetricBandType = builder.objectRef<MetricBand>('MetricBand').implement({
  description: 'What was measured inside one bucket.',
  fields: (t) => ({
    minimum: t.exposeFloat('minimum'),
    average: t.exposeFloat('average'),
    maximum: t.exposeFloat('maximum'),
  }),
})

const MetricPointType = builder.objectRef<MetricPoint>('MetricPoint').implement({
  description: 'One bucket, from `at` on. Null is what was not measured; what a machine or a server has not is always null.',
  fields: (t) => {
    const band = (name: Exclude<keyof MetricPoint, 'at' | 'memoryLimitBytes' | 'diskLimitBytes'>, description?: string) =>
      t.field({
        type: MetricBandType,
        nullable: true,
        ...(description === undefined ? {} : { description }),
        resolve: (point) => point[name],
      })
    return {
      at: t.expose('at', { type: 'DateTime' }),
      cpuPercent: band('cpuPercent', '100 is one core.'),
      loadAverage: band('loadAverage', 'Of machines.'),
      memoryBytes: band('memoryBytes'),
      memoryLimitBytes: t.exposeFloat('memoryLimitBytes', { nullable: true, description: 'The greatest of the bucket.' }),
      diskBytes: band('diskBytes'),
      diskLimitBytes: t.exposeFloat('diskLimitBytes', { nullable: true, description: 'Of machines.' }),
      diskReadBytesPerSecond: band('diskReadBytesPerSecond'),
      diskWriteBytesPerSecond: band('diskWriteBytesPerSecond'),
      networkRxBytesPerSecond: band('networkRxBytesPerSecond'),
      networkTxBytesPerSecond: band('networkTxBytesPerSecond'),
      processCount: band('processCount', 'Of servers.'),
      containerCount: band('containerCount', 'Of machines.'),
    }
  },
})

export const MetricSeriesType = builder.objectRef<MetricSeries>('MetricSeries').implement({
  description: 'The history of measurements in buckets of equal length.',
  fields: (t) => ({
    stepSeconds: t.exposeInt('stepSeconds', { description: 'Length of a bucket.' }),
    from: t.expose('from', { type: 'DateTime', description: 'Beginning of the first bucket, at or before what was asked for.' }),
    to: t.expose('to', { type: 'DateTime', description: 'End of the last one.' }),
    points: t.expose('points', { type: [MetricPointType], description: 'Every bucket, also those without measurements.' }),
  }),
})
