import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import type { ServerChange } from './server-feed.ts'
import { ServerType } from './server-types.ts'

const ServerEvent = builder.interfaceRef<ServerChange>('ServerEvent').implement({
  description: 'Something about a server changed; `sequence` grows from event to event.',
  fields: (t) => ({
    sequence: t.expose('sequence', { type: 'SafeInt' }),
    occurredAt: t.expose('occurredAt', { type: 'DateTime' }),
    server: t.expose('server', { type: ServerType, description: 'As it is now; of a deleted one, as it was last.' }),
  }),
  resolveType: ({ kind }) => ({ CREATED: 'ServerCreatedEvent', CHANGED: 'ServerChangedEvent', DELETED: 'ServerDeletedEvent' })[kind],
})

for (const name of ['ServerCreatedEvent', 'ServerChangedEvent', 'ServerDeletedEvent'])
  builder.objectRef<ServerChange>(name).implement({ interfaces: [ServerEvent] })

builder.subscriptionField('serverEvents', (t) =>
  t.field({
    type: ServerEvent,
    description: 'Changes of one server, or of every visible one.',
    authScopes: { permission: 'server:read' },
    args: { serverId: t.arg.id() },
    subscribe: (_root, { serverId }, context) => context.services.servers.events(actorOf(context), serverId ?? null, context.signal),
    resolve: (event) => event,
  }),
)
