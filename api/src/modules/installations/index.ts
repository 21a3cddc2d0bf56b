import { builder } from '../../graphql/builder.ts'
import { connectionComplexity, connectionType, pageRequest } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import type { InstallationChange } from './installation-service.ts'
import { InstallationType } from './installation-types.ts'

const InstallationEvent = builder.objectRef<InstallationChange>('InstallationEvent').implement({
  description: 'Progress of an install with the new part of its log: characters `from` to `to`.',
  fields: (t) => ({
    installation: t.expose('installation', { type: InstallationType }),
    from: t.expose('from', { type: 'SafeInt' }),
    to: t.expose('to', { type: 'SafeInt' }),
    text: t.exposeString('text'),
  }),
})

builder.queryField('installations', (t) =>
  t.field({
    type: connectionType('Installation', InstallationType),
    nullable: true,
    description: 'The install runs of a server, newest first; null when it is not visible.',
    authScopes: { permission: 'server:read' },
    complexity: connectionComplexity,
    args: { serverId: t.arg.id({ required: true }), first: t.arg.int(), after: t.arg.string() },
    resolve: (_root, { serverId, ...args }, context) => context.services.installations.page(actorOf(context), serverId, pageRequest(args)),
  }),
)

builder.subscriptionField('installationEvents', (t) =>
  t.field({
    type: InstallationEvent,
    description: 'The newest install of a server from a character of its log on.',
    authScopes: { permission: 'server:read' },
    args: { serverId: t.arg.id({ required: true }), after: t.arg({ type: 'SafeInt', defaultValue: 0 }) },
    subscribe: (_root, { serverId, after }, context) =>
      context.services.installations.watch(actorOf(context), serverId, after ?? 0, context.signal),
    resolve: (change) => change,
  }),
)
