import { builder } from '../../graphql/builder.ts'
import { connectionComplexity, pageRequest } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import { TemplateConnection, TemplateType } from './template-types.ts'

builder.queryField('templates', (t) =>
  t.field({
    type: TemplateConnection,
    authScopes: { permission: 'template:read' },
    complexity: connectionComplexity,
    args: { first: t.arg.int(), after: t.arg.string() },
    resolve: (_root, args, context) => context.services.templates.page(actorOf(context), pageRequest(args)),
  }),
)

builder.queryField('template', (t) =>
  t.field({
    type: TemplateType,
    nullable: true,
    authScopes: { permission: 'template:read' },
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => (await context.services.templates.byIds([id]))[0] ?? null,
  }),
)
