import { builder } from '../../graphql/builder.ts'
import { createLoader } from '../../graphql/loader.ts'
import type { InstallationView } from './installation-service.ts'

const InstallationStatusEnum = builder.enumType('InstallationStatus', {
  values: ['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED'] as const,
})

const logs = createLoader((context, ids) => context.services.installations.logs(ids))

export const InstallationType = builder.objectRef<InstallationView>('Installation').implement({
  description: 'One run of the install: image, then script.',
  fields: (t) => ({
    id: t.exposeID('id'),
    status: t.expose('status', { type: InstallationStatusEnum }),
    step: t.exposeString('step', { nullable: true }),
    percent: t.exposeInt('percent', { nullable: true }),
    exitCode: t.exposeInt('exitCode', { nullable: true }),
    error: t.exposeString('error', { nullable: true }),
    log: t.string({ resolve: async ({ id, log }, _args, context) => log ?? (await logs(context, id)).log }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true }),
  }),
})
