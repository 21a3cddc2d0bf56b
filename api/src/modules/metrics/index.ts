import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { ServerMetricsType } from './metrics-types.ts'

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
