import { builder } from '../../graphql/builder.ts'
import { connectionComplexity, pageRequest } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import { UserConnection } from './user-types.ts'

builder.queryField('users', (t) =>
  t.field({
    description: 'Users by name, for choosing an owner.',
    type: UserConnection,
    authScopes: { permission: 'user:read' },
    complexity: connectionComplexity,
    args: { first: t.arg.int(), after: t.arg.string(), search: t.arg.string() },
    resolve: (_root, args, context) =>
      context.services.users.page(actorOf(context), { ...pageRequest(args), search: args.search?.slice(0, 100) ?? null }),
  }),
)
