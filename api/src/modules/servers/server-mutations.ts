import { builder } from '../../graphql/builder.ts'
import { actorOf, type Context } from '../../graphql/context.ts'
import {
  CapacityError,
  IdempotencyConflictError,
  NodeMaintenanceError,
  NotFoundError,
  PortUnavailableError,
  StateConflictError,
  ValidationError,
} from '../../lib/errors.ts'
import type { Permission } from '../../lib/permissions.ts'
import type { CommandView } from '../commands/command-view.ts'
import { CommandType } from '../commands/command-types.ts'
import type { ServerView } from './server-read-model.ts'
import type { PowerResult, ServerPower } from './server-power.ts'
import { ServerType } from './server-types.ts'

const PortInput = builder.inputType('PortInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'A port of the template.' }),
    ip: t.string(),
    port: t.int({ required: true }),
  }),
})
export const VariableInput = builder.inputType('VariableInput', {
  fields: (t) => ({ name: t.string({ required: true }), value: t.string({ required: true }) }),
})

const CreateServerInput = builder.inputType('CreateServerInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 64 characters; need not be unique.' }),
    templateId: t.id({ required: true }),
    nodeId: t.id({ description: 'Absent: placed by free capacity.' }),
    location: t.string({ description: 'Without nodeId: only nodes of this location.' }),
    tags: t.stringList({ description: 'Without nodeId: only nodes that have all of them.' }),
    ownerId: t.id({ description: 'Absent: the caller.' }),
    memoryMiB: t.int({ required: true }),
    cpuPercent: t.int({ required: true, description: '100 is one core.' }),
    cpuset: t.string({ description: 'Cores that it may run on, such as 0-3,6; absent or empty: all.' }),
    diskMiB: t.int({ required: true }),
    ports: t.field({ type: [PortInput], description: 'Absent ones get the next free ports.' }),
    variables: t.field({ type: [VariableInput], description: 'Absent ones have the template’s defaults.' }),
    start: t.boolean({ defaultValue: false, description: 'Start when installed.' }),
    idempotencyKey: t.string(),
  }),
})

const CreateServerSuccess = builder
  .objectRef<{ server: ServerView }>('CreateServerSuccess')
  .implement({ fields: (t) => ({ server: t.expose('server', { type: ServerType }) }) })

builder.mutationField('createServer', (t) =>
  t.field({
    type: CreateServerSuccess,
    description: 'Reserves room and ports, then builds the image and installs.',
    authScopes: { permission: 'server:create' },
    errors: {
      types: [ValidationError, NotFoundError, PortUnavailableError, CapacityError, NodeMaintenanceError, IdempotencyConflictError],
    },
    args: { input: t.arg({ type: CreateServerInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      server: await context.services.servers.known(await context.services.servers.create(actorOf(context), input)),
    }),
  }),
)

async function answer(context: Context, { serverId, commandId }: PowerResult): Promise<{ server: ServerView; command: CommandView }> {
  const { servers } = context.services
  return { server: await servers.known(serverId), command: await servers.command(commandId) }
}

/** The power mutations are alike: one input, one wish, the server and the command back. */
function powerMutation(field: string, verb: keyof ServerPower, permission: Permission, description: string): void {
  const type = `${field.charAt(0).toUpperCase()}${field.slice(1)}`
  const Input = builder.inputType(`${type}Input`, {
    fields: (t) => ({ id: t.id({ required: true, description: 'The server.' }), idempotencyKey: t.string() }),
  })
  const Success = builder.objectRef<{ server: ServerView; command: CommandView }>(`${type}Success`).implement({
    fields: (t) => ({ server: t.expose('server', { type: ServerType }), command: t.expose('command', { type: CommandType }) }),
  })
  builder.mutationField(field, (t) =>
    t.field({
      type: Success,
      description,
      authScopes: { permission },
      errors: { types: [ValidationError, NotFoundError, StateConflictError, IdempotencyConflictError] },
      args: { input: t.arg({ type: Input, required: true }) },
      resolve: async (_root, { input }, context) => answer(context, await context.services.servers[verb](actorOf(context), input)),
    }),
  )
}

powerMutation('startServer', 'start', 'server:start', 'Wants the server to run. While its node is away the wish waits.')
powerMutation('stopServer', 'stop', 'server:stop', 'Wants the server stopped, as its template says how.')
powerMutation('restartServer', 'restart', 'server:restart', 'Stops the server and starts it again; a stopped one is started.')
powerMutation('killServer', 'kill', 'server:kill', 'Ends the game by force; overtakes a stop that is under way.')
powerMutation(
  'installServer',
  'install',
  'server:install',
  'Runs the install again. When it does not succeed, the files stay as they were.',
)
powerMutation('abortInstallation', 'abortInstallation', 'server:install', 'Cancels the install that is running.')

const DeleteServerInput = builder.inputType('DeleteServerInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    force: t.boolean({
      defaultValue: false,
      description:
        'Needs server:force-delete. Frees ports and room at once, although the game may still run on its node: the node is told when it is back.',
    }),
    idempotencyKey: t.string(),
  }),
})
const DeleteServerSuccess = builder
  .objectRef<{ deletedServerId: string }>('DeleteServerSuccess')
  .implement({ fields: (t) => ({ deletedServerId: t.exposeID('deletedServerId') }) })

builder.mutationField('deleteServer', (t) =>
  t.field({
    type: DeleteServerSuccess,
    description: 'Deletes the server with its files. Its ports and room are free when its node has confirmed.',
    authScopes: { permission: 'server:delete' },
    errors: { types: [ValidationError, NotFoundError, IdempotencyConflictError] },
    args: { input: t.arg({ type: DeleteServerInput, required: true }) },
    resolve: async (_root, { input }, context) => ({ deletedServerId: await context.services.servers.remove(actorOf(context), input) }),
  }),
)
