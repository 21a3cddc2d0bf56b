import { GraphQLError } from 'graphql'
import { agentBuilder } from './agent-builder.ts'
import { HEARTBEAT_SECONDS } from './agent-sign-in.ts'
import { toPiece } from './console-part.ts'
import './agent-node-samples.ts'
import { plainText, plainTextOrNull } from './plain-text.ts'
import {
  CommandResultStatusEnum,
  ConsoleGapReasonEnum,
  ConsolePartKindEnum,
  ExitReasonEnum,
  InstallationOutcomeEnum,
  OrderUnion,
  ServerEventKindEnum,
  ServerStateEnum,
} from './agent-types.ts'
import type { ConsolePiece } from '../modules/console/console-chunk.ts'

const MOST_REPORTS = 500
const MOST_SAMPLES = 1000
const MOST_EVENTS = 200
const LONGEST_MESSAGE = 2000

const SignInChallenge = agentBuilder
  .objectRef<{ challengeId: string; challenge: string; instanceId: string; protocolVersion: number }>('SignInChallenge')
  .implement({
    fields: (t) => ({
      challengeId: t.exposeID('challengeId'),
      challenge: t.exposeString('challenge'),
      instanceId: t.exposeID('instanceId'),
      protocolVersion: t.exposeInt('protocolVersion'),
    }),
  })

agentBuilder.queryField('signInChallenge', (t) =>
  t.field({
    type: SignInChallenge,
    description: 'What sign-in signs: valid once, for 30 s, on this socket.',
    authScopes: { public: true },
    args: { nodeId: t.arg.id({ required: true }) },
    resolve: (_root, { nodeId }, { service, socket }) => service.challenge(socket, nodeId),
  }),
)

const EnrolNodeResult = agentBuilder.objectRef<{ nodeId: string; nodeName: string; instanceId: string }>('EnrolNodeResult').implement({
  fields: (t) => ({ nodeId: t.exposeID('nodeId'), nodeName: t.exposeString('nodeName'), instanceId: t.exposeID('instanceId') }),
})
const EnrolNodeInput = agentBuilder.inputType('EnrolNodeInput', {
  fields: (t) => ({
    token: t.string({ required: true }),
    publicKey: t.string({ required: true, description: 'Raw 32 bytes, base64url.' }),
    agentVersion: t.string({ required: true }),
    nodeId: t.id({ description: 'Who this machine is already. Absent: nobody.' }),
  }),
})
agentBuilder.mutationField('enrolNode', (t) =>
  t.field({
    type: EnrolNodeResult,
    description: 'Uses up an enrolment token: makes the node, or gives a node another key.',
    authScopes: { public: true },
    args: { input: t.arg({ type: EnrolNodeInput, required: true }) },
    resolve: (_root, { input }, { service, socket }) => service.enrol(socket, input),
  }),
)

const SignInResult = agentBuilder
  .objectRef<{ sessionId: string; heartbeatSeconds: number; sampleSeconds: number; serverTime: Date }>('SignInResult')
  .implement({
    fields: (t) => ({
      sessionId: t.exposeID('sessionId'),
      heartbeatSeconds: t.exposeInt('heartbeatSeconds'),
      sampleSeconds: t.exposeInt('sampleSeconds'),
      serverTime: t.expose('serverTime', { type: 'DateTime' }),
    }),
  })
const SignInInput = agentBuilder.inputType('SignInInput', {
  fields: (t) => ({
    nodeId: t.id({ required: true }),
    challengeId: t.id({ required: true }),
    signature: t.string({ required: true }),
    protocolVersion: t.int({ required: true }),
  }),
})
agentBuilder.mutationField('signIn', (t) =>
  t.field({
    type: SignInResult,
    description: 'Binds this socket to the node and ends its earlier session.',
    authScopes: { public: true },
    args: { input: t.arg({ type: SignInInput, required: true }) },
    resolve: (_root, { input }, { service, socket }) => service.signIn(socket, input),
  }),
)

const RuntimeInput = agentBuilder.inputType('RuntimeInput', {
  fields: (t) => ({ name: t.string({ required: true }), version: t.string({ required: true }), cgroupVersion: t.int({ required: true }) }),
})
const CapacityInput = agentBuilder.inputType('CapacityInput', {
  fields: (t) => ({ memoryMiB: t.int({ required: true }), cpuPercent: t.int({ required: true }), diskMiB: t.int({ required: true }) }),
})
const HelloInput = agentBuilder.inputType('HelloInput', {
  fields: (t) => ({
    agentVersion: t.string({ required: true }),
    storeId: t.id({ required: true }),
    wallClock: t.field({ type: 'DateTime', required: true }),
    runtime: t.field({ type: RuntimeInput, required: true }),
    capacity: t.field({ type: CapacityInput, required: true }),
  }),
})
const HelloResult = agentBuilder
  .objectRef<{ acceptedProtocolVersion: number }>('HelloResult')
  .implement({ fields: (t) => ({ acceptedProtocolVersion: t.exposeInt('acceptedProtocolVersion') }) })
agentBuilder.mutationField('hello', (t) =>
  t.field({
    type: HelloResult,
    description: 'The first call after sign-in.',
    authScopes: { agent: true },
    args: { input: t.arg({ type: HelloInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      await service.hello(socket, input)
      return { acceptedProtocolVersion: socket.protocolVersion }
    },
  }),
)

const HeartbeatInput = agentBuilder.inputType('HeartbeatInput', {
  fields: (t) => ({ wallClock: t.field({ type: 'DateTime', required: true }) }),
})
const HeartbeatResult = agentBuilder
  .objectRef<object>('HeartbeatResult')
  .implement({ fields: (t) => ({ serverTime: t.field({ type: 'DateTime', resolve: () => new Date() }) }) })
agentBuilder.mutationField('heartbeat', (t) =>
  t.field({
    type: HeartbeatResult,
    description: `Every ${String(HEARTBEAT_SECONDS)} s; three missed ones end the session.`,
    authScopes: { agent: true },
    args: { input: t.arg({ type: HeartbeatInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      await service.heartbeat(socket, input.wallClock)
      return {}
    },
  }),
)

const ProblemInput = agentBuilder.inputType('ProblemInput', {
  fields: (t) => ({ code: t.string({ required: true }), message: t.string({ required: true }) }),
})
const ExitInput = agentBuilder.inputType('ExitInput', {
  fields: (t) => ({
    code: t.int(),
    reason: t.field({ type: ExitReasonEnum, required: true }),
    at: t.field({ type: 'DateTime', required: true }),
  }),
})
const PendingRestartInput = agentBuilder.inputType('PendingRestartInput', {
  fields: (t) => ({
    attempt: t.int({ required: true, description: 'Its number inside the window, from 1 on.' }),
    at: t.field({ type: 'DateTime', required: true }),
    reason: t.string({ required: true }),
  }),
})
const ServerReportInput = agentBuilder.inputType('ServerReportInput', {
  fields: (t) => ({
    serverId: t.id({ required: true }),
    sequence: t.field({ type: 'SafeInt', required: true }),
    generation: t.int({ required: true }),
    observedAt: t.field({ type: 'DateTime', required: true }),
    state: t.field({ type: ServerStateEnum, required: true }),
    isSettled: t.boolean({ required: true }),
    isRemoved: t.boolean({ required: true }),
    isInstalled: t.boolean({ required: true }),
    problem: t.field({ type: ProblemInput }),
    lastExit: t.field({ type: ExitInput }),
    runId: t.id(),
    runningSince: t.field({ type: 'DateTime' }),
    restart: t.field({ type: PendingRestartInput, description: 'The restart after a crash that waits.' }),
    needsRestart: t.boolean({ description: 'The run goes by an older spec, in more than its name and its limits.' }),
  }),
})
const ReportServersInput = agentBuilder.inputType('ReportServersInput', {
  fields: (t) => ({
    isSnapshot: t.boolean({ required: true }),
    isLast: t.boolean({ required: true }),
    reports: t.field({ type: [ServerReportInput], required: true }),
  }),
})
const ReportServersResult = agentBuilder.objectRef<{ applied: number; ignored: number }>('ReportServersResult').implement({
  fields: (t) => ({ applied: t.exposeInt('applied'), ignored: t.exposeInt('ignored') }),
})

function assertSize(length: number, most: number): void {
  if (length > most) throw new GraphQLError(`A message has at most ${String(most)} entries.`, { extensions: { code: 'TOO_LARGE' } })
}

agentBuilder.mutationField('reportServers', (t) =>
  t.field({
    type: ReportServersResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: ReportServersInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      assertSize(input.reports.length, MOST_REPORTS)
      const reports = input.reports.map((report) => ({
        ...report,
        problem:
          report.problem == null
            ? null
            : { code: plainText(report.problem.code, 64), message: plainText(report.problem.message, LONGEST_MESSAGE) },
        lastExit:
          report.lastExit == null ? null : { code: report.lastExit.code ?? null, reason: report.lastExit.reason, at: report.lastExit.at },
        runningSince: report.runningSince ?? null,
        restart: report.restart == null ? null : { ...report.restart, reason: plainText(report.restart.reason, 200) },
        needsRestart: report.needsRestart ?? false,
      }))
      const applied = await service.reportServers(socket, reports)
      return { applied, ignored: reports.length - applied }
    },
  }),
)

const ServerEventInput = agentBuilder.inputType('ServerEventInput', {
  description: 'Something that happened to a server, told once: `sequence` counts in the agent’s store.',
  fields: (t) => ({
    serverId: t.id({ required: true }),
    sequence: t.field({ type: 'SafeInt', required: true }),
    at: t.field({ type: 'DateTime', required: true }),
    kind: t.field({ type: ServerEventKindEnum, required: true }),
    runId: t.id(),
    code: t.int({ description: 'Exit code; absent when the runtime lost it.' }),
    reason: t.field({ type: ExitReasonEnum }),
    message: t.string(),
    attempt: t.int({ description: 'Number of the restart.' }),
    nextAt: t.field({ type: 'DateTime', description: 'When the restart comes.' }),
  }),
})
const ReportEventsInput = agentBuilder.inputType('ReportEventsInput', {
  fields: (t) => ({ events: t.field({ type: [ServerEventInput], required: true, description: 'In order, at most 200.' }) }),
})
const ReportEventsResult = agentBuilder.objectRef<{ accepted: number }>('ReportEventsResult').implement({
  fields: (t) => ({ accepted: t.exposeInt('accepted', { description: 'Those that need not be sent again.' }) }),
})
agentBuilder.mutationField('reportEvents', (t) =>
  t.field({
    type: ReportEventsResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: ReportEventsInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      assertSize(input.events.length, MOST_EVENTS)
      const events = input.events.map((event) => ({
        ...event,
        runId: plainTextOrNull(event.runId, 64),
        code: event.code ?? null,
        reason: event.reason ?? null,
        message: plainTextOrNull(event.message, LONGEST_MESSAGE),
        attempt: event.attempt ?? null,
        nextAt: event.nextAt ?? null,
      }))
      return { accepted: await service.reportEvents(socket, events) }
    },
  }),
)

const CommandResultInput = agentBuilder.inputType('CommandResultInput', {
  fields: (t) => ({
    commandId: t.id({ required: true }),
    status: t.field({ type: CommandResultStatusEnum, required: true }),
    errorCode: t.string(),
    error: t.string(),
  }),
})
const ReportCommandsInput = agentBuilder.inputType('ReportCommandsInput', {
  fields: (t) => ({ results: t.field({ type: [CommandResultInput], required: true }) }),
})
const ReportCommandsResult = agentBuilder
  .objectRef<{ accepted: number }>('ReportCommandsResult')
  .implement({ fields: (t) => ({ accepted: t.exposeInt('accepted') }) })
agentBuilder.mutationField('reportCommands', (t) =>
  t.field({
    type: ReportCommandsResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: ReportCommandsInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      assertSize(input.results.length, MOST_REPORTS)
      const results = input.results.map(({ commandId, status, errorCode, error }) => ({
        commandId,
        status,
        errorCode: plainTextOrNull(errorCode, 64),
        error: plainTextOrNull(error, LONGEST_MESSAGE),
      }))
      return { accepted: await service.reportCommands(socket, results) }
    },
  }),
)

const ReportInstallationInput = agentBuilder.inputType('ReportInstallationInput', {
  fields: (t) => ({
    serverId: t.id({ required: true }),
    installationId: t.id({ required: true }),
    status: t.field({ type: InstallationOutcomeEnum, required: true }),
    step: t.string(),
    percent: t.int(),
    exitCode: t.int(),
    error: t.string(),
    logFrom: t.field({ type: 'SafeInt', required: true }),
    logText: t.string({ required: true }),
  }),
})
const ReportInstallationResult = agentBuilder
  .objectRef<{ logLength: number }>('ReportInstallationResult')
  .implement({ fields: (t) => ({ logLength: t.expose('logLength', { type: 'SafeInt' }) }) })
agentBuilder.mutationField('reportInstallation', (t) =>
  t.field({
    type: ReportInstallationResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: ReportInstallationInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => ({
      logLength: await service.reportInstallation(socket, {
        ...input,
        step: plainTextOrNull(input.step, 200),
        percent: input.percent ?? null,
        exitCode: input.exitCode ?? null,
        error: plainTextOrNull(input.error, LONGEST_MESSAGE),
        logText: input.logText.replaceAll('\0', ''),
      }),
    }),
  }),
)

const ConsolePartInput = agentBuilder.inputType('ConsolePartInput', {
  fields: (t) => ({
    kind: t.field({ type: ConsolePartKindEnum, required: true }),
    runId: t.id({ required: true }),
    at: t.field({ type: 'DateTime', required: true }),
    text: t.string({ description: 'Valid UTF-8; its bytes count.' }),
    base64: t.string({ description: 'Bytes that are not UTF-8.' }),
    gapBytes: t.field({ type: 'SafeInt' }),
    gapReason: t.field({ type: ConsoleGapReasonEnum }),
    actor: t.string(),
  }),
})
const PushConsoleInput = agentBuilder.inputType('PushConsoleInput', {
  fields: (t) => ({
    serverId: t.id({ required: true }),
    from: t.field({ type: 'SafeInt', required: true }),
    parts: t.field({ type: [ConsolePartInput], required: true }),
  }),
})
const PushConsoleResult = agentBuilder.objectRef<{ acknowledged: number; expected: number }>('PushConsoleResult').implement({
  fields: (t) => ({ acknowledged: t.expose('acknowledged', { type: 'SafeInt' }), expected: t.expose('expected', { type: 'SafeInt' }) }),
})
agentBuilder.mutationField('pushConsole', (t) =>
  t.field({
    type: PushConsoleResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: PushConsoleInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      const pieces: ConsolePiece[] = []
      let position = input.from
      for (const part of input.parts) {
        const piece = toPiece(position, part)
        if (piece === null) throw new GraphQLError('A console part has no bytes.', { extensions: { code: 'INVALID' } })
        pieces.push(piece)
        position = piece.to
      }
      return service.pushConsole(socket, input.serverId, input.from, pieces)
    },
  }),
)

const ServerSampleInput = agentBuilder.inputType('ServerSampleInput', {
  fields: (t) => ({
    serverId: t.id({ required: true }),
    at: t.field({ type: 'DateTime', required: true }),
    cpuPercent: t.float({ required: true }),
    memoryBytes: t.field({ type: 'SafeInt', required: true }),
    memoryLimitBytes: t.field({ type: 'SafeInt', required: true }),
    diskBytes: t.field({ type: 'SafeInt', required: true }),
    diskReadBytesPerSecond: t.float({ description: 'Always there since version 2.' }),
    diskWriteBytesPerSecond: t.float(),
    networkRxBytesPerSecond: t.float({ required: true }),
    networkTxBytesPerSecond: t.float({ required: true }),
    processCount: t.int({ required: true }),
  }),
})
const PushSamplesInput = agentBuilder.inputType('PushSamplesInput', {
  fields: (t) => ({
    samples: t.field({ type: [ServerSampleInput], required: true }),
    isStored: t.boolean({ defaultValue: false, description: 'Kept for the history; repeated until answered.' }),
  }),
})
const PushSamplesResult = agentBuilder
  .objectRef<{ accepted: number }>('PushSamplesResult')
  .implement({ fields: (t) => ({ accepted: t.exposeInt('accepted') }) })
agentBuilder.mutationField('pushSamples', (t) =>
  t.field({
    type: PushSamplesResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: PushSamplesInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      assertSize(input.samples.length, MOST_SAMPLES)
      const samples = input.samples.map(({ diskReadBytesPerSecond, diskWriteBytesPerSecond, ...sample }) => ({
        ...sample,
        diskReadBytesPerSecond: diskReadBytesPerSecond ?? 0,
        diskWriteBytesPerSecond: diskWriteBytesPerSecond ?? 0,
      }))
      return { accepted: await service.pushSamples(socket, samples, input.isStored === true) }
    },
  }),
)

agentBuilder.subscriptionField('orders', (t) =>
  t.field({
    type: OrderUnion,
    authScopes: { agent: true },
    subscribe: (_root, _args, { service, socket }) => service.orders(socket),
    resolve: (order) => order,
  }),
)

/** The control channel's schema. */
export const agentSchema = agentBuilder.toSchema()
