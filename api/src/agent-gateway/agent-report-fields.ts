import { agentBuilder } from './agent-builder.ts'
import { CommandResultStatusEnum, ExitReasonEnum, InstallationOutcomeEnum, ServerEventKindEnum, ServerStateEnum } from './agent-types.ts'
import { plainText, plainTextOrNull } from './plain-text.ts'
import { assertEntries } from './refuse.ts'

const MOST_REPORTS = 500
const MOST_EVENTS = 200
const LONGEST_MESSAGE = 2000

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

agentBuilder.mutationField('reportServers', (t) =>
  t.field({
    type: ReportServersResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: ReportServersInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      assertEntries(input.reports.length, MOST_REPORTS)
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
      assertEntries(input.events.length, MOST_EVENTS)
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
      assertEntries(input.results.length, MOST_REPORTS)
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
