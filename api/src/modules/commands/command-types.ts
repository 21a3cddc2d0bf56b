import { builder } from '../../graphql/builder.ts'
import { expires, isWaitingForNode, type CommandView } from './command-view.ts'

const CommandStatusEnum = builder.enumType('CommandStatus', {
  values: ['PENDING', 'SENT', 'DONE', 'FAILED', 'EXPIRED', 'SUPERSEDED'] as const,
})
const CommandKindEnum = builder.enumType('CommandKind', {
  values: ['START', 'STOP', 'RESTART', 'KILL', 'INSTALL', 'ABORT_INSTALL', 'CONSOLE_INPUT'] as const,
})

export const CommandType = builder.objectRef<CommandView>('Command').implement({
  description: 'An order to a node, or a wish that it is to fulfil.',
  fields: (t) => ({
    id: t.exposeID('id'),
    kind: t.expose('kind', { type: CommandKindEnum }),
    status: t.expose('status', { type: CommandStatusEnum }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    deadline: t.expose('deadline', { type: 'DateTime', description: 'When it ends as EXPIRED, if `expires`.' }),
    isWaitingForNode: t.boolean({ description: 'The node is away: it goes on when the node is back.', resolve: isWaitingForNode }),
    expires: t.boolean({
      description: 'False for START and STOP while the node is away: they wait without end. Other orders end at their deadline.',
      resolve: expires,
    }),
    errorCode: t.exposeString('errorCode', { nullable: true }),
    error: t.exposeString('error', { nullable: true, description: 'Why it failed.' }),
  }),
})
