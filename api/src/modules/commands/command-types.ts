import { builder } from '../../graphql/builder.ts'
import type { Command } from './command-store.ts'

const CommandStatusEnum = builder.enumType('CommandStatus', {
  values: ['PENDING', 'SENT', 'DONE', 'FAILED', 'EXPIRED', 'SUPERSEDED'] as const,
})

export const CommandType = builder.objectRef<Command>('Command').implement({
  description: 'An order to a node. It waits while the node is away, until its deadline.',
  fields: (t) => ({
    id: t.exposeID('id'),
    status: t.expose('status', { type: CommandStatusEnum }),
    deadline: t.expose('deadline', { type: 'DateTime' }),
    errorCode: t.exposeString('errorCode', { nullable: true }),
    error: t.exposeString('error', { nullable: true, description: 'Why it failed.' }),
  }),
})
