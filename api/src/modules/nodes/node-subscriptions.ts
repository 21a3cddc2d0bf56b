import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import type { NodeChange } from './node-service.ts'
import { NodeType } from './node-types.ts'

const NodeChangedEvent = builder.objectRef<NodeChange>('NodeChangedEvent').implement({
  description: 'A node came, left, or shows something else.',
  fields: (t) => ({
    occurredAt: t.expose('occurredAt', { type: 'DateTime' }),
    nodeId: t.exposeID('nodeId'),
    node: t.expose('node', { type: NodeType, nullable: true, description: 'As it is now; null when it was deleted.' }),
  }),
})

builder.subscriptionField('nodeEvents', (t) =>
  t.field({
    type: NodeChangedEvent,
    authScopes: { permission: 'node:read' },
    subscribe: (_root, _args, context) => context.services.nodes.events(actorOf(context), context.signal),
    resolve: (event) => event,
  }),
)
