import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { MetricSeriesType, NodeMetricsType, ServerMetricsType } from './metrics-types.ts'

builder.subscriptionField('serverMetrics', (t) =>
  t.field({
    type: ServerMetricsType,
    description: 'Live measurements, every second while it is read.',
    authScopes: { permission: 'server:read' },
    args: { serverId: t.arg.id({ required: true }) },
    subscribe: (_root, { serverId }, context) => context.services.metrics.watch(actorOf(context), serverId, context.signal),
    resolve: (sample) => sample,
  }),
)

builder.subscriptionField('nodeMetrics', (t) =>
  t.field({
    type: NodeMetricsType,
    description: 'Live measurements of a machine, every second while it is read.',
    authScopes: { permission: 'node:read' },
    args: { nodeId: t.arg.id({ required: true }) },
    subscribe: (_root, { nodeId }, context) => context.services.metrics.watchNode(actorOf(context), nodeId, context.signal),
    resolve: (sample) => sample,
  }),
)

builder.queryField('serverMetrics', (t) =>
  t.field({
    type: MetricSeriesType,
    nullable: true,
    description: 'The history of a server; null when it is not visible.',
    authScopes: { permission: 'server:read' },
    args: {
      serverId: t.arg.id({ required: true }),
      from: t.arg({ type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true }),
      points: t.arg.int({ description: 'At most so many buckets: 10 to 500, by default 300.' }),
    },
    resolve: (_root, { serverId, ...request }, context) => context.services.metrics.series(actorOf(context), serverId, request),
  }),
)

builder.queryField('nodeMetrics', (t) =>
  t.field({
    type: MetricSeriesType,
    nullable: true,
    description: 'The history of a machine; null for an unknown one.',
    authScopes: { permission: 'node:read' },
    args: {
      nodeId: t.arg.id({ required: true }),
      from: t.arg({ type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true }),
      points: t.arg.int({ description: 'At most so many buckets: 10 to 500, by default 300.' }),
    },
    resolve: (_root, { nodeId, ...request }, context) => context.services.metrics.nodeSeries(actorOf(context), nodeId, request),
  }),
)
