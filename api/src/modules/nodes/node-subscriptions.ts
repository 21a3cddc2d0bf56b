import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import type { NodeView } from './node-read-model.ts'
import { NodeType } from './node-types.ts'

const NodeChangedEvent = builder.objectRef<{ occurredAt: Date; node: NodeView }>('NodeChangedEvent').implement({
  description: 'A node came, left, or shows something else.',
  fields: (t) => ({ occurredAt: t.expose('occurredAt', { type: 'DateTime' }), node: t.expose('node', { type: NodeType }) }),
})

builder.subscriptionField('nodeEvents', (t) =>
  t.field({
    type: NodeChangedEvent,
    authScopes: { permission: 'node:read' },
    subscribe: (_root, _args, context) => context.services.nodes.events(actorOf(context), context.signal),
    resolve: (event) => event,
  }),
)
