import { builder } from '../../graphql/builder.ts'
import { connectionType } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import { ExitReasonEnum, PortProtocolEnum, ServerStatusEnum } from '../../graphql/enums.ts'
import { createLoader } from '../../graphql/loader.ts'
import { ResourceLimitsType } from '../../graphql/resource-limits.ts'
import type { Permission } from '../../lib/permissions.ts'
import { CommandType } from '../commands/command-types.ts'
import { InstallationType } from '../installations/installation-types.ts'
import { ServerMetricsType } from '../metrics/metrics-types.ts'
import { NodeType } from '../nodes/node-types.ts'
import { TemplateType } from '../templates/template-types.ts'
import { UserType } from '../users/user-types.ts'
import type { AllocationView, ServerView } from './server-read-model.ts'
import { stopRuleOf, type StopRule } from './stop-rule.ts'

export const ServerStateEnum = builder.enumType('ServerState', {
  description: 'What the runtime shows.',
  values: ['STOPPED', 'STARTING', 'RUNNING', 'STOPPING', 'CRASHED', 'ERROR'] as const,
})
const DesiredStateEnum = builder.enumType('DesiredState', { values: ['RUNNING', 'STOPPED'] as const })
const ServerActivityEnum = builder.enumType('ServerActivity', {
  description: 'Exclusive long work.',
  values: ['NONE', 'INSTALLING', 'BACKING_UP', 'RESTORING', 'TRANSFERRING'] as const,
})
export const CrashPolicyEnum = builder.enumType('CrashPolicy', {
  description: 'When an ended game is started again. ON_FAILURE: after an end that is not one of the clean exit codes.',
  values: ['ALWAYS', 'ON_FAILURE', 'NEVER'] as const,
})
export const BootPolicyEnum = builder.enumType('BootPolicy', {
  description: 'What happens when the machine has started. RESTORE: what was wanted before.',
  values: ['RESTORE', 'ALWAYS', 'NEVER'] as const,
})

const RestartPolicy = builder.objectRef<ServerView>('RestartPolicy').implement({
  fields: (t) => ({
    policy: t.expose('crashPolicy', { type: CrashPolicyEnum }),
    cleanExitCodes: t.exposeIntList('cleanExitCodes', { description: 'Exit codes that count as a clean end.' }),
    maximumRestarts: t.exposeInt('maximumRestarts', { description: 'Restarts inside the window; one more crash gives up.' }),
    windowSeconds: t.exposeInt('restartWindowSeconds'),
  }),
})

const StopRuleType = builder.objectRef<StopRule & { isOwn: boolean }>('StopRule').implement({
  description: 'How the game is asked to stop; it is killed after the time.',
  fields: (t) => ({
    command: t.exposeString('command', { nullable: true, description: 'A line for its console; null when it gets a signal.' }),
    signal: t.exposeString('signal', { nullable: true, description: 'Name of a signal of POSIX, or ^C; null when it gets a command.' }),
    timeoutSeconds: t.exposeInt('timeoutSeconds'),
    isOwn: t.exposeBoolean('isOwn', { description: 'False: all of it is as the template says.' }),
  }),
})

const PendingRestart = builder.objectRef<{ attempt: number; maximum: number; at: Date; reason: string }>('PendingRestart').implement({
  description: 'The restart after a crash that waits.',
  fields: (t) => ({
    attempt: t.exposeInt('attempt', { description: 'Its number inside the window, from 1 on.' }),
    maximum: t.exposeInt('maximum'),
    at: t.expose('at', { type: 'DateTime' }),
    reason: t.exposeString('reason'),
  }),
})

const Problem = builder.objectRef<{ code: string; message: string; at: Date }>('Problem').implement({
  description: 'Why a server is not in its wanted state.',
  fields: (t) => ({ code: t.exposeString('code'), message: t.exposeString('message'), at: t.expose('at', { type: 'DateTime' }) }),
})

const ServerExit = builder
  .objectRef<{ code: number | null; reason: NonNullable<ServerView['lastExitReason']>; at: Date }>('ServerExit')
  .implement({
    fields: (t) => ({
      code: t.exposeInt('code', { nullable: true, description: 'null when the runtime lost it.' }),
      reason: t.expose('reason', { type: ExitReasonEnum }),
      at: t.expose('at', { type: 'DateTime' }),
    }),
  })

const AllocationType = builder.objectRef<AllocationView>('Allocation').implement({
  description: 'A port of the node that leads to the server.',
  fields: (t) => ({
    ip: t.exposeString('ip'),
    port: t.exposeInt('port'),
    protocol: t.expose('protocol', { type: PortProtocolEnum }),
    name: t.exposeString('name'),
    isPrimary: t.exposeBoolean('isPrimary', { description: 'Players join here.' }),
  }),
})

const ServerVariableType = builder.objectRef<{ name: string; value: string }>('ServerVariable').implement({
  fields: (t) => ({ name: t.exposeString('name'), value: t.exposeString('value') }),
})

const node = createLoader((context, ids) => context.services.nodes.byIds(ids))
const template = createLoader((context, ids) => context.services.templates.byIds(ids))
const owner = createLoader((context, ids) => context.services.users.byIds(ids))
const variables = createLoader((context, ids) => context.services.servers.variables(ids))
const waitingCommand = createLoader(async (context, ids) => {
  const waiting = await context.services.servers.waitingCommands(ids)
  return ids.map((id) => ({ command: waiting.get(id) ?? null }))
})
const installation = createLoader(async (context, ids) => {
  const newest = await context.services.installations.newest(ids)
  return ids.map((id) => ({ installation: newest.get(id) ?? null }))
})

export const ServerType = builder.objectRef<ServerView>('Server').implement({
  description: 'One game server, owned by a user, on one node.',
  fields: (t) => {
    /** Whoever sees a server sees what else they may do with it. */
    const viewerCan = (permission: Permission) =>
      t.boolean({ resolve: (_server, _args, context) => actorOf(context).permissions.has(permission) })
    return {
      id: t.exposeID('id'),
      slug: t.exposeString('slug', { description: 'Eight letters and digits, unique: the short name.' }),
      name: t.exposeString('name'),
      status: t.expose('status', { type: ServerStatusEnum }),
      state: t.expose('state', { type: ServerStateEnum }),
      desiredState: t.expose('desiredState', { type: DesiredStateEnum }),
      activity: t.expose('activity', { type: ServerActivityEnum }),
      isStale: t.exposeBoolean('isStale', { description: 'The node is away: states are the last known ones.' }),
      stateObservedAt: t.expose('stateObservedAt', { type: 'DateTime', nullable: true }),
      problem: t.field({
        type: Problem,
        nullable: true,
        resolve: ({ problemCode, problemMessage, problemAt }) =>
          problemCode === null || problemAt === null ? null : { code: problemCode, message: problemMessage ?? '', at: problemAt },
      }),
      node: t.field({ type: NodeType, resolve: (server, _args, context) => node(context, server.nodeId) }),
      template: t.field({ type: TemplateType, resolve: (server, _args, context) => template(context, server.templateId) }),
      owner: t.field({ type: UserType, resolve: (server, _args, context) => owner(context, server.ownerId) }),
      allocations: t.expose('allocations', { type: [AllocationType] }),
      limits: t.field({
        type: ResourceLimitsType,
        description: 'The disk limit is reserved and measured, and not yet enforced.',
        resolve: (server) => server,
      }),
      cpuset: t.exposeString('cpuset', { description: 'Cores that it may run on, such as 0-3,6; empty: all.' }),
      variables: t.field({ type: [ServerVariableType], resolve: (server, _args, context) => variables(context, server.id) }),
      lastExit: t.field({
        type: ServerExit,
        nullable: true,
        resolve: ({ lastExitCode, lastExitReason, lastExitAt }) =>
          lastExitReason === null || lastExitAt === null ? null : { code: lastExitCode, reason: lastExitReason, at: lastExitAt },
      }),
      restartPolicy: t.field({ type: RestartPolicy, resolve: (server) => server }),
      bootPolicy: t.expose('bootPolicy', { type: BootPolicyEnum }),
      stopRule: t.field({
        type: StopRuleType,
        resolve: async (server, _args, context) => ({
          ...stopRuleOf(server, (await template(context, server.templateId)).spec),
          isOwn: server.stopCommand !== null || server.stopSignal !== null || server.stopTimeoutSeconds !== null,
        }),
      }),
      pendingRestart: t.field({
        type: PendingRestart,
        nullable: true,
        description: 'null when none waits.',
        resolve: ({ restartAttempt: attempt, maximumRestarts: maximum, nextRestartAt: at, restartReason: reason }) =>
          at === null ? null : { attempt, maximum, at, reason: reason ?? '' },
      }),
      needsRestart: t.exposeBoolean('needsRestart', { description: 'It runs with older settings than it would get by a restart.' }),
      waitingCommand: t.field({
        type: CommandType,
        nullable: true,
        description: 'The wish that waits for the node; null while the node is there.',
        resolve: async (server, _args, context) => (server.isStale ? (await waitingCommand(context, server.id)).command : null),
      }),
      runningSince: t.expose('runningSince', { type: 'DateTime', nullable: true }),
      installedAt: t.expose('installedAt', { type: 'DateTime', nullable: true }),
      createdAt: t.expose('createdAt', { type: 'DateTime' }),
      updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
      revision: t.exposeInt('revision', { description: 'Grows with each change: of two answers the one with the larger is the newer.' }),
      installation: t.field({
        type: InstallationType,
        nullable: true,
        description: 'The newest install run; null before the first.',
        resolve: async (server, _args, context) => (await installation(context, server.id)).installation,
      }),
      metrics: t.field({
        type: ServerMetricsType,
        nullable: true,
        description: 'The newest measurement; null when there is none.',
        resolve: (server, _args, context) => context.services.metrics.latest(server.id),
      }),
      viewerCanStart: viewerCan('server:start'),
      viewerCanStop: viewerCan('server:stop'),
      viewerCanRestart: viewerCan('server:restart'),
      viewerCanKill: viewerCan('server:kill'),
      viewerCanInstall: viewerCan('server:install'),
      viewerCanUpdate: viewerCan('server:update'),
      viewerCanUpdateLimits: viewerCan('server:update-limits'),
      viewerCanDelete: viewerCan('server:delete'),
      viewerCanForceDelete: viewerCan('server:force-delete'),
      viewerCanReadConsole: viewerCan('console:read'),
      viewerCanSendCommands: viewerCan('console:send'),
    }
  },
})

export const ServerConnection = connectionType('Server', ServerType)
