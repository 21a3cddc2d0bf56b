import { builder } from '../../graphql/builder.ts'
import { connectionComplexity, pageRequest } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import { NodeConnection, NodeHistoryConnection, NodeType, PortAddressType } from './node-types.ts'

builder.queryField('nodes', (t) =>
  t.field({
    type: NodeConnection,
    authScopes: { permission: 'node:read' },
    complexity: connectionComplexity,
    args: { first: t.arg.int(), after: t.arg.string() },
    resolve: (_root, args, context) => context.services.nodes.page(actorOf(context), pageRequest(args)),
  }),
)

builder.queryField('node', (t) =>
  t.field({
    type: NodeType,
    nullable: true,
    authScopes: { permission: 'node:read' },
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => (await context.services.nodes.byIds([id]))[0] ?? null,
  }),
)

builder.queryField('nodeHistory', (t) =>
  t.field({
    type: NodeHistoryConnection,
    description: 'What happened to a node, newest first. Empty for an unknown one.',
    authScopes: { permission: 'node:manage' },
    complexity: connectionComplexity,
    args: { nodeId: t.arg.id({ required: true }), first: t.arg.int(), after: t.arg.string() },
    resolve: (_root, { nodeId, ...page }, context) => context.services.nodes.history(actorOf(context), nodeId, pageRequest(page)),
  }),
)

builder.queryField('freePorts', (t) =>
  t.field({
    description: 'Free ports of a node, lowest first, for the create form.',
    type: [PortAddressType],
    authScopes: { permission: 'node:read' },
    args: { nodeId: t.arg.id({ required: true }), first: t.arg.int() },
    resolve: (_root, { nodeId, first }, context) => context.services.nodes.freePorts(nodeId, pageRequest({ first }).first),
  }),
)
