import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { CapacityError, IdempotencyConflictError, NotFoundError, ValidationError } from '../../lib/errors.ts'
import { VariableInput } from './server-mutations.ts'
import type { ServerView } from './server-read-model.ts'
import { BootPolicyEnum, CrashPolicyEnum, ServerType } from './server-types.ts'

const RestartPolicyInput = builder.inputType('RestartPolicyInput', {
  fields: (t) => ({
    policy: t.field({ type: CrashPolicyEnum }),
    cleanExitCodes: t.intList({ description: 'At most 32 of 0 to 255.' }),
    maximumRestarts: t.int({ description: '0 to 1000.' }),
    windowSeconds: t.int({ description: '10 to 86400.' }),
  }),
})
const StopRuleInput = builder.inputType('StopRuleInput', {
  description: 'Replaces the whole rule: what is absent is as the template says.',
  fields: (t) => ({
    command: t.string({ description: 'A line for the console; not together with a signal.' }),
    signal: t.string({ description: 'Name of a signal of POSIX, or ^C.' }),
    timeoutSeconds: t.int({ description: '1 to 3600; then it is killed.' }),
  }),
})
const UpdateServerInput = builder.inputType('UpdateServerInput', {
  description: 'What is absent stays as it is. Limits need server:update-limits.',
  fields: (t) => ({
    id: t.id({ required: true }),
    name: t.string(),
    memoryMiB: t.int(),
    cpuPercent: t.int(),
    cpuset: t.string({ description: 'Cores that it may run on, such as 0-3,6; empty: all.' }),
    diskMiB: t.int(),
    restartPolicy: t.field({ type: RestartPolicyInput }),
    bootPolicy: t.field({ type: BootPolicyEnum }),
    stop: t.field({ type: StopRuleInput, description: 'null: as the template says.' }),
    variables: t.field({ type: [VariableInput] }),
    idempotencyKey: t.string(),
  }),
})
const UpdateServerSuccess = builder
  .objectRef<{ server: ServerView }>('UpdateServerSuccess')
  .implement({ fields: (t) => ({ server: t.expose('server', { type: ServerType }) }) })

builder.mutationField('updateServer', (t) =>
  t.field({
    type: UpdateServerSuccess,
    description: 'Changes settings. A running game has new limits at once; what else it goes by comes with its next start.',
    authScopes: { permission: 'server:update' },
    errors: { types: [ValidationError, NotFoundError, CapacityError, IdempotencyConflictError] },
    args: { input: t.arg({ type: UpdateServerInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      server: await context.services.servers.known(await context.services.servers.update(actorOf(context), input)),
    }),
  }),
)
