import { builder } from '../../graphql/builder.ts'
import { actorOf, type Context } from '../../graphql/context.ts'
import { ErrorInterface } from '../../graphql/errors.ts'
import { IdempotencyConflictError, ValidationError } from '../../lib/errors.ts'
import type { Permission } from '../../lib/permissions.ts'
import type { CommandView } from '../commands/command-view.ts'
import { CommandType } from '../commands/command-types.ts'
import type { BulkOutcome } from './server-bulk.ts'
import type { ServerView } from './server-read-model.ts'
import type { BulkVerb } from './server-service.ts'
import { ServerType } from './server-types.ts'

/** Not the error itself: GraphQL takes an Error that a field answers for one that was thrown. */
type RefusedError = { code: string; message: string }
type Result = { serverId: string; server: ServerView | null; command: CommandView | null; error: RefusedError | null }

builder.objectRef<RefusedError>('RefusedError').implement({
  description: 'Why one server of a selection was refused; the code is that of the error of a single mutation.',
  interfaces: [ErrorInterface],
  isTypeOf: (value) => !(value instanceof Error),
})

const BulkResult = builder.objectRef<Result>('BulkResult').implement({
  description: 'What became of one server of a selection.',
  fields: (t) => ({
    serverId: t.exposeID('serverId'),
    server: t.expose('server', { type: ServerType, nullable: true, description: 'null when it was refused, and when it is gone already.' }),
    command: t.expose('command', { type: CommandType, nullable: true, description: 'null when it was refused, and of deletions.' }),
    error: t.expose('error', { type: ErrorInterface, nullable: true, description: 'Why it was refused; null when it was done.' }),
  }),
})

async function resultsOf(outcomes: readonly BulkOutcome[], { services: { servers } }: Context): Promise<Result[]> {
  const [known, commands] = await Promise.all([
    servers.allKnown(outcomes.flatMap(({ serverId, isDone }) => (isDone ? [serverId] : []))),
    servers.commands(outcomes.flatMap(({ commandId }) => (commandId === null ? [] : [commandId]))),
  ])
  return outcomes.map(({ serverId, commandId, error }) => ({
    serverId,
    server: known.get(serverId.toLowerCase()) ?? null,
    command: commands.get(commandId ?? '') ?? null,
    error: error === null ? null : { code: error.code, message: error.message },
  }))
}

/** The bulk mutations are alike: a selection in, a result for each server out. */
function bulkMutation(field: string, verb: BulkVerb, permission: Permission, description: string): void {
  const type = `${field.charAt(0).toUpperCase()}${field.slice(1)}`
  const Input = builder.inputType(`${type}Input`, {
    fields: (t) => ({ ids: t.idList({ required: true, description: '1 to 100 servers.' }), idempotencyKey: t.string() }),
  })
  const Success = builder.objectRef<{ results: Result[] }>(`${type}Success`).implement({
    fields: (t) => ({ results: t.expose('results', { type: [BulkResult], description: 'In the order of the ids.' }) }),
  })
  builder.mutationField(field, (t) =>
    t.field({
      type: Success,
      description,
      authScopes: { permission },
      errors: { types: [ValidationError, IdempotencyConflictError] },
      args: { input: t.arg({ type: Input, required: true }) },
      resolve: async (_root, { input }, context) => {
        const outcomes = await context.services.servers.bulk(actorOf(context), verb, input)
        return { results: await resultsOf(outcomes, context) }
      },
    }),
  )
}

bulkMutation('startServers', 'start', 'server:start', 'As startServer, for each of a selection.')
bulkMutation('stopServers', 'stop', 'server:stop', 'As stopServer, for each of a selection.')
bulkMutation('restartServers', 'restart', 'server:restart', 'As restartServer, for each of a selection.')
bulkMutation('killServers', 'kill', 'server:kill', 'As killServer, for each of a selection.')
bulkMutation('deleteServers', 'remove', 'server:delete', 'As deleteServer, for each of a selection.')
