import { builder } from '../../graphql/builder.ts'
import { connectionComplexity, pageRequest } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import { OrderDirectionEnum, ServerStatusEnum } from '../../graphql/enums.ts'
import type { ServerStatus } from '../../lib/server-status.ts'
import { ServerConnection, ServerType } from './server-types.ts'

const ServerFilter = builder.inputType('ServerFilter', {
  fields: (t) => ({
    search: t.string({ description: 'Part of the name, the short name or ip:port.' }),
    statuses: t.field({ type: [ServerStatusEnum] }),
    nodeId: t.id(),
    ownerId: t.id(),
  }),
})

const ServerOrderFieldEnum = builder.enumType('ServerOrderField', { values: ['NAME', 'CREATED_AT'] as const })
const ServerOrder = builder.inputType('ServerOrder', {
  fields: (t) => ({
    field: t.field({ type: ServerOrderFieldEnum, required: true }),
    direction: t.field({ type: OrderDirectionEnum, required: true }),
  }),
})

builder.queryField('servers', (t) =>
  t.field({
    type: ServerConnection,
    description: 'The servers that the caller may see.',
    authScopes: { permission: 'server:read' },
    complexity: connectionComplexity,
    args: { first: t.arg.int(), after: t.arg.string(), filter: t.arg({ type: ServerFilter }), orderBy: t.arg({ type: ServerOrder }) },
    resolve: (_root, args, context) =>
      context.services.servers.page(
        actorOf(context),
        pageRequest(args),
        args.filter ?? {},
        args.orderBy ?? { field: 'NAME', direction: 'ASC' },
      ),
  }),
)

builder.queryField('server', (t) =>
  t.field({
    type: ServerType,
    nullable: true,
    authScopes: { permission: 'server:read' },
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, context) => context.services.servers.byId(actorOf(context), id),
  }),
)

const ServerStatusCount = builder.objectRef<{ status: ServerStatus; count: number }>('ServerStatusCount').implement({
  fields: (t) => ({ status: t.expose('status', { type: ServerStatusEnum }), count: t.exposeInt('count') }),
})

builder.queryField('serverCounts', (t) =>
  t.field({
    type: [ServerStatusCount],
    description: 'How many of the visible servers have each status.',
    authScopes: { permission: 'server:read' },
    resolve: (_root, _args, context) => context.services.servers.counts(actorOf(context)),
  }),
)
