import { agentBuilder } from './agent-builder.ts'
import { assertEntries } from './refuse.ts'

const MOST_SERVER_SAMPLES = 1000
/** A day of a node that was cut off, in messages of moderate size. */
const MOST_NODE_SAMPLES = 500

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
      assertEntries(input.samples.length, MOST_SERVER_SAMPLES)
      const samples = input.samples.map(({ diskReadBytesPerSecond, diskWriteBytesPerSecond, ...sample }) => ({
        ...sample,
        diskReadBytesPerSecond: diskReadBytesPerSecond ?? 0,
        diskWriteBytesPerSecond: diskWriteBytesPerSecond ?? 0,
      }))
      return { accepted: await service.pushSamples(socket, samples, input.isStored === true) }
    },
  }),
)

const NodeSampleInput = agentBuilder.inputType('NodeSampleInput', {
  description: 'One measurement of the whole machine.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', required: true }),
    cpuPercent: t.float({ required: true, description: '100 is one core.' }),
    loadAverage: t.float({ required: true, description: 'Of the last minute.' }),
    memoryBytes: t.field({ type: 'SafeInt', required: true, description: 'What programs cannot have any more.' }),
    memoryLimitBytes: t.field({ type: 'SafeInt', required: true }),
    diskBytes: t.field({ type: 'SafeInt', required: true, description: 'Used on the file system of the data folder.' }),
    diskLimitBytes: t.field({ type: 'SafeInt', required: true }),
    diskReadBytesPerSecond: t.float({ required: true }),
    diskWriteBytesPerSecond: t.float({ required: true }),
    networkRxBytesPerSecond: t.float({ required: true }),
    networkTxBytesPerSecond: t.float({ required: true }),
    containerCount: t.int({ required: true, description: 'Servers that run.' }),
  }),
})

const PushNodeSamplesInput = agentBuilder.inputType('PushNodeSamplesInput', {
  fields: (t) => ({
    samples: t.field({ type: [NodeSampleInput], required: true }),
    isStored: t.boolean({ defaultValue: false, description: 'Kept for the history; repeated until answered.' }),
  }),
})

const PushNodeSamplesResult = agentBuilder
  .objectRef<{ accepted: number }>('PushNodeSamplesResult')
  .implement({ fields: (t) => ({ accepted: t.exposeInt('accepted') }) })

agentBuilder.mutationField('pushNodeSamples', (t) =>
  t.field({
    type: PushNodeSamplesResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: PushNodeSamplesInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      assertEntries(input.samples.length, MOST_NODE_SAMPLES)
      return { accepted: await service.pushNodeSamples(socket, input.samples, input.isStored === true) }
    },
  }),
)
