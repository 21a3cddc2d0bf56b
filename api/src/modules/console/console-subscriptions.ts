import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { ConsoleEvent } from './console-types.ts'

builder.subscriptionField('consoleEvents', (t) =>
  t.field({
    type: ConsoleEvent,
    description: 'A console: its last lines, or all behind a position (0 is the oldest kept), then live.',
    authScopes: { permission: 'console:read' },
    args: { serverId: t.arg.id({ required: true }), after: t.arg({ type: 'SafeInt' }), tailLines: t.arg.int({ defaultValue: 200 }) },
    extensions: { isLive: true },
    subscribe: (_root, { serverId, after, tailLines }, context) =>
      context.services.console.live(actorOf(context), serverId, after == null ? { tailLines: tailLines ?? 200 } : { after }),
    resolve: (piece) => piece,
  }),
)
