import type { Assignment } from '../modules/servers/assignment.ts'
import { AGENT_EVENT_KINDS } from '../modules/servers/server-events.ts'
import { agentBuilder } from './agent-builder.ts'
import type { Order } from './orders.ts'

// Types of the control channel; schema/AGENT_PROTOCOL.md says what they mean.

export const ServerStateEnum = agentBuilder.enumType('ServerState', {
  values: ['STOPPED', 'STARTING', 'RUNNING', 'STOPPING', 'CRASHED', 'ERROR'] as const,
})
export const ExitReasonEnum = agentBuilder.enumType('ExitReason', {
  values: ['STOPPED', 'CRASHED', 'OUT_OF_MEMORY', 'KILLED', 'UNKNOWN'] as const,
})
export const CommandResultStatusEnum = agentBuilder.enumType('CommandResultStatus', {
  values: ['DONE', 'FAILED', 'EXPIRED', 'SUPERSEDED'] as const,
})
export const InstallationOutcomeEnum = agentBuilder.enumType('InstallationOutcome', {
  values: ['RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED'] as const,
})
export const ConsolePartKindEnum = agentBuilder.enumType('ConsolePartKind', { values: ['OUTPUT', 'INPUT', 'NOTICE', 'GAP'] as const })
export const ConsoleGapReasonEnum = agentBuilder.enumType('ConsoleGapReason', {
  values: ['FLOOD', 'RETENTION', 'SLOW_VIEWER', 'DAMAGED'] as const,
})
const DesiredStateEnum = agentBuilder.enumType('DesiredState', { values: ['RUNNING', 'STOPPED'] as const })
const PortProtocolEnum = agentBuilder.enumType('PortProtocol', { values: ['TCP', 'UDP', 'BOTH'] as const })
const CrashPolicyEnum = agentBuilder.enumType('CrashPolicy', { values: ['ALWAYS', 'ON_FAILURE', 'NEVER'] as const })
const BootPolicyEnum = agentBuilder.enumType('BootPolicy', { values: ['RESTORE', 'ALWAYS', 'NEVER'] as const })
export const ServerEventKindEnum = agentBuilder.enumType('ServerEventKind', { values: AGENT_EVENT_KINDS })
const CommandKindEnum = agentBuilder.enumType('CommandKind', {
  values: ['RESTART', 'KILL', 'INSTALL', 'ABORT_INSTALL', 'CONSOLE_INPUT'] as const,
})

type Spec = Assignment['spec']

const DebianImage = agentBuilder.objectRef<Spec['image']>('DebianImage').implement({
  fields: (t) => ({ packages: t.exposeStringList('packages'), remove: t.exposeStringList('remove'), keep: t.exposeStringList('keep') }),
})
const EnvironmentVariable = agentBuilder.objectRef<Spec['environment'][number]>('EnvironmentVariable').implement({
  fields: (t) => ({ name: t.exposeString('name'), value: t.exposeString('value') }),
})
const ReadyRule = agentBuilder.objectRef<NonNullable<Spec['ready']>>('ReadyRule').implement({
  fields: (t) => ({
    text: t.exposeString('text', { nullable: true }),
    regex: t.exposeString('regex', { nullable: true }),
    timeoutSeconds: t.exposeInt('timeoutSeconds'),
  }),
})
const StopRule = agentBuilder.objectRef<Spec['stop']>('StopRule').implement({
  fields: (t) => ({
    command: t.exposeString('command', { nullable: true }),
    signal: t.exposeString('signal', { nullable: true, description: 'Name of a signal of POSIX.' }),
    timeoutSeconds: t.exposeInt('timeoutSeconds'),
  }),
})
const RestartRule = agentBuilder.objectRef<Spec['restart']>('RestartRule').implement({
  description: 'When an ended game is started again.',
  fields: (t) => ({
    policy: t.expose('policy', { type: CrashPolicyEnum }),
    cleanExitCodes: t.exposeIntList('cleanExitCodes', { description: 'Ends that are not failures.' }),
    maximumRestarts: t.exposeInt('maximumRestarts', { description: 'Inside the window; one more crash gives up.' }),
    windowSeconds: t.exposeInt('windowSeconds'),
  }),
})
const Limits = agentBuilder.objectRef<Spec['limits']>('Limits').implement({
  fields: (t) => ({
    memoryMiB: t.exposeInt('memoryMiB'),
    cpuPercent: t.exposeInt('cpuPercent'),
    cpuset: t.exposeString('cpuset', { description: 'Cores that it may run on, such as 0-3,6; empty: all.' }),
    diskMiB: t.exposeInt('diskMiB'),
    pids: t.exposeInt('pids'),
  }),
})
const AssignedPort = agentBuilder.objectRef<Spec['ports'][number]>('AssignedPort').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    ip: t.exposeString('ip'),
    port: t.exposeInt('port'),
    protocol: t.expose('protocol', { type: PortProtocolEnum }),
    isPrimary: t.exposeBoolean('isPrimary'),
  }),
})
const InstallRule = agentBuilder.objectRef<NonNullable<Spec['install']>>('InstallRule').implement({
  fields: (t) => ({
    script: t.exposeString('script'),
    interpreter: t.exposeStringList('interpreter'),
    timeoutSeconds: t.exposeInt('timeoutSeconds'),
  }),
})
const ServerSpec = agentBuilder.objectRef<Spec>('ServerSpec').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    slug: t.exposeString('slug'),
    image: t.expose('image', { type: DebianImage }),
    startup: t.exposeStringList('startup'),
    environment: t.expose('environment', { type: [EnvironmentVariable] }),
    workingDirectory: t.exposeString('workingDirectory'),
    readOnlyRoot: t.exposeBoolean('readOnlyRoot'),
    ready: t.expose('ready', { type: ReadyRule, nullable: true }),
    stop: t.expose('stop', { type: StopRule }),
    restart: t.expose('restart', { type: RestartRule }),
    bootPolicy: t.expose('bootPolicy', { type: BootPolicyEnum }),
    limits: t.expose('limits', { type: Limits, description: 'Applied to a running game too, without a restart.' }),
    ports: t.expose('ports', { type: [AssignedPort] }),
    install: t.expose('install', { type: InstallRule, nullable: true }),
  }),
})
const FloodRule = agentBuilder.objectRef<Assignment['flood']>('FloodRule').implement({
  fields: (t) => ({ linesPerSecond: t.exposeInt('linesPerSecond'), bytesPerSecond: t.exposeInt('bytesPerSecond') }),
})
const AssignmentType = agentBuilder.objectRef<Assignment>('Assignment').implement({
  fields: (t) => ({
    serverId: t.exposeID('serverId'),
    generation: t.exposeInt('generation'),
    desiredState: t.expose('desiredState', { type: DesiredStateEnum }),
    isRemoved: t.exposeBoolean('isRemoved'),
    isInstalled: t.exposeBoolean('isInstalled'),
    isKill: t.exposeBoolean('isKill', { description: 'STOPPED is wanted at once: the game is not asked.' }),
    consolePosition: t.expose('consolePosition', { type: 'SafeInt', description: 'Durable at the api: the console goes on from here.' }),
    flood: t.expose('flood', {
      type: FloodRule,
      nullable: true,
      description: 'Output above it for 10 s is cut in the middle. No part of the specification: it counts at once.',
    }),
    spec: t.expose('spec', { type: ServerSpec }),
  }),
})

const AssignmentSnapshotOrder = agentBuilder.objectRef<Order & { kind: 'AssignmentSnapshotOrder' }>('AssignmentSnapshotOrder').implement({
  fields: (t) => ({ assignments: t.expose('assignments', { type: [AssignmentType] }), isLast: t.exposeBoolean('isLast') }),
})
const AssignmentOrder = agentBuilder.objectRef<Order & { kind: 'AssignmentOrder' }>('AssignmentOrder').implement({
  fields: (t) => ({ assignment: t.expose('assignment', { type: AssignmentType }) }),
})
const CommandOrder = agentBuilder.objectRef<Order & { kind: 'CommandOrder' }>('CommandOrder').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    serverId: t.exposeID('serverId'),
    kind: t.field({ type: CommandKindEnum, resolve: (order) => order.commandKind }),
    generation: t.exposeInt('generation'),
    deadlineSeconds: t.exposeInt('deadlineSeconds'),
    consoleInput: t.exposeString('consoleInput', { nullable: true }),
    actor: t.exposeString('actor'),
    installationId: t.exposeID('installationId', { nullable: true }),
  }),
})
const WatchOrder = agentBuilder.objectRef<Order & { kind: 'WatchOrder' }>('WatchOrder').implement({
  description: 'Measure these servers, and the machine itself, every second. Replaces the earlier set.',
  fields: (t) => ({ serverIds: t.exposeIDList('serverIds'), isNodeWatched: t.exposeBoolean('isNodeWatched') }),
})

export const OrderUnion = agentBuilder.unionType('Order', {
  description: 'One ordered stream for each session: the whole set of assignments, then unfinished commands, then whatever comes.',
  types: [AssignmentSnapshotOrder, AssignmentOrder, CommandOrder, WatchOrder],
  resolveType: (order) => order.kind,
})
