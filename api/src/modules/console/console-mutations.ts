import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { NodeOfflineError, NotFoundError, RateLimitedError, StateConflictError, ValidationError } from '../../lib/errors.ts'
import type { CommandView } from '../commands/command-view.ts'
import { CommandType } from '../commands/command-types.ts'
import type { ServerView } from '../servers/server-read-model.ts'
import { ServerType } from '../servers/server-types.ts'

const SendConsoleCommandInput = builder.inputType('SendConsoleCommandInput', {
  fields: (t) => ({
    serverId: t.id({ required: true }),
    command: t.string({ required: true, description: 'One line of at most 1024 characters. Control characters need a terminal.' }),
    isPrivate: t.boolean({ description: 'Kept out of the shared history and of the audit. The game may still print it.' }),
  }),
})
const SendConsoleCommandSuccess = builder
  .objectRef<{ command: CommandView }>('SendConsoleCommandSuccess')
  .implement({ fields: (t) => ({ command: t.expose('command', { type: CommandType }) }) })

builder.mutationField('sendConsoleCommand', (t) =>
  t.field({
    type: SendConsoleCommandSuccess,
    description: 'Types a line into a running game; answers when the node has written it.',
    authScopes: { permission: 'console:send' },
    errors: { types: [ValidationError, NotFoundError, StateConflictError, NodeOfflineError, RateLimitedError] },
    args: { input: t.arg({ type: SendConsoleCommandInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      command: await context.services.servers.command(await context.services.console.send(actorOf(context), input)),
    }),
  }),
)

const UpdateConsoleSettingsInput = builder.inputType('UpdateConsoleSettingsInput', {
  description: 'What is absent stays as it is.',
  fields: (t) => ({
    serverId: t.id({ required: true }),
    retentionMiB: t.int({ description: '1 to 65536.' }),
    retentionDays: t.int({ description: '1 to 3650.' }),
    isTerminal: t.boolean(),
    floodLinesPerSecond: t.int({ description: '100 to 1000000.' }),
    floodBytesPerSecond: t.int({ description: '65536 to 1073741824.' }),
  }),
})
const UpdateConsoleSettingsSuccess = builder
  .objectRef<{ server: ServerView }>('UpdateConsoleSettingsSuccess')
  .implement({ fields: (t) => ({ server: t.expose('server', { type: ServerType }) }) })

builder.mutationField('updateConsoleSettings', (t) =>
  t.field({
    type: UpdateConsoleSettingsSuccess,
    authScopes: { permission: 'server:update' },
    errors: { types: [ValidationError, NotFoundError] },
    args: { input: t.arg({ type: UpdateConsoleSettingsInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      server: await context.services.servers.known(await context.services.consoleSettings.update(actorOf(context), input)),
    }),
  }),
)
