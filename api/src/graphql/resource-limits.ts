import { builder } from './builder.ts'

/** Memory, CPU and disk, of a server, a node or a recommendation. */
export type Resources = { memoryMiB: number; cpuPercent: number; diskMiB: number }

export const ResourceLimitsType = builder.objectRef<Resources>('ResourceLimits').implement({
  description: 'cpuPercent 100 is one core.',
  fields: (t) => ({
    memoryMiB: t.exposeInt('memoryMiB'),
    cpuPercent: t.exposeInt('cpuPercent'),
    diskMiB: t.exposeInt('diskMiB'),
  }),
})
