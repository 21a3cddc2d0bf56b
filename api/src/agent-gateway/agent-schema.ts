import { agentBuilder } from './agent-builder.ts'
import './agent-console-fields.ts'
import './agent-report-fields.ts'
import './agent-sample-fields.ts'
import './agent-session-fields.ts'
import { OrderUnion } from './agent-types.ts'

agentBuilder.subscriptionField('orders', (t) =>
  t.field({
    type: OrderUnion,
    authScopes: { agent: true },
    subscribe: (_root, _args, { service, socket }) => service.orders(socket),
    resolve: (order) => order,
  }),
)

/** The control channel's schema. */
export const agentSchema = agentBuilder.toSchema()
