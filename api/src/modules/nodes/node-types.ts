import { builder } from '../../graphql/builder.ts'
import { connectionType } from '../../graphql/connection.ts'
import { createLoader } from '../../graphql/loader.ts'
import { MetricGapType } from '../../graphql/metric-gap.ts'
import { ResourceLimitsType } from '../../graphql/resource-limits.ts'
import { NODE_EVENT_KINDS } from './node-events.ts'
import type { NodeHistoryEntry, NodeUsage, NodeView } from './node-read-model.ts'

export const NodeStatusEnum = builder.enumType('NodeStatus', {
  description: 'The one word people see. WAITING: enrolled, its agent was never here. OFFLINE wins over MAINTENANCE.',
  values: ['ONLINE', 'OFFLINE', 'MAINTENANCE', 'WAITING'] as const,
})

const NodeRuntime = builder.objectRef<NonNullable<NodeView['runtime']>>('NodeRuntime').implement({
  fields: (t) => ({ name: t.exposeString('name'), version: t.exposeString('version'), cgroupVersion: t.exposeInt('cgroupVersion') }),
})

const NodeOvercommit = builder.objectRef<NodeView['overcommit']>('NodeOvercommit').implement({
  description: 'How much of the capacity is promised to servers; 100 promises what is there.',
  fields: (t) => ({
    memoryPercent: t.exposeInt('memoryPercent'),
    cpuPercent: t.exposeInt('cpuPercent'),
    diskPercent: t.exposeInt('diskPercent'),
  }),
})

const NodeUsageType = builder.objectRef<NodeUsage>('NodeUsage').implement({
  description: 'The newest measurements of its servers, summed.',
  fields: (t) => ({
    memoryBytes: t.expose('memoryBytes', { type: 'SafeInt' }),
    cpuPercent: t.exposeFloat('cpuPercent', { description: '100 is one core.' }),
    diskBytes: t.expose('diskBytes', { type: 'SafeInt' }),
  }),
})

const usage = createLoader(async (context, ids) => (await context.services.nodes.usage(ids)).map((used) => ({ used })))

export const NodeType = builder.objectRef<NodeView>('Node').implement({
  description: 'A machine that runs servers.',
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    address: t.exposeString('address', { description: 'Games are published on it.' }),
    location: t.exposeString('location', { description: 'For placement; empty is none.' }),
    tags: t.exposeStringList('tags', { description: 'For placement, sorted.' }),
    status: t.expose('status', { type: NodeStatusEnum }),
    isOnline: t.exposeBoolean('isOnline'),
    isMaintenance: t.exposeBoolean('isMaintenance', { description: 'Its servers go on; it takes no new ones.' }),
    lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime', nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    agentVersion: t.exposeString('agentVersion', { nullable: true }),
    runtime: t.expose('runtime', { type: NodeRuntime, nullable: true, description: "null until its agent's first hello." }),
    clockOffsetSeconds: t.exposeFloat('clockOffsetSeconds', {
      nullable: true,
      description: "Its wall clock minus the api's; null until measured. Times that people see are corrected by it.",
    }),
    capacity: t.expose('capacity', {
      type: ResourceLimitsType,
      nullable: true,
      description: "What it gives to servers; null until its agent's first hello.",
    }),
    overcommit: t.expose('overcommit', { type: NodeOvercommit }),
    allocated: t.expose('allocated', { type: ResourceLimitsType, description: 'What is promised to servers.' }),
    used: t.field({
      type: NodeUsageType,
      nullable: true,
      description: 'null while it is away.',
      resolve: async (node, _args, context) => (node.isOnline ? (await usage(context, node.id)).used : null),
    }),
    serverCount: t.exposeInt('serverCount'),
    runningServerCount: t.exposeInt('runningServerCount'),
    allocationCount: t.exposeInt('allocationCount', { description: 'Ports of its stock.' }),
    freeAllocationCount: t.exposeInt('freeAllocationCount'),
  }),
})

export const NodeConnection = connectionType('Node', NodeType)

export const PortAddressType = builder.objectRef<{ ip: string; port: number }>('PortAddress').implement({
  fields: (t) => ({ ip: t.exposeString('ip'), port: t.exposeInt('port') }),
})

const NodeEventKindEnum = builder.enumType('NodeEventKind', { values: NODE_EVENT_KINDS })

const NodeChange = builder.objectRef<NodeHistoryEntry['changes'][number]>('NodeChange').implement({
  fields: (t) => ({
    field: t.exposeString('field'),
    from: t.exposeString('from', { nullable: true }),
    to: t.exposeString('to', { nullable: true }),
  }),
})

const NodeHistoryEntryType = builder.objectRef<NodeHistoryEntry>('NodeHistoryEntry').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    kind: t.expose('kind', { type: NodeEventKindEnum }),
    at: t.expose('at', { type: 'DateTime' }),
    actor: t.exposeString('actor', { nullable: true, description: 'Name of who did it; null for what happened by itself.' }),
    reason: t.exposeString('reason', { nullable: true, description: 'Of OFFLINE: DISCONNECTED, API_STARTED or REKEYED.' }),
    changes: t.expose('changes', { type: [NodeChange], description: 'Of RENAMED and CHANGED.' }),
    clockOffsetSeconds: t.exposeFloat('clockOffsetSeconds', { nullable: true, description: 'Of CLOCK_OFF.' }),
    gap: t.expose('gap', { type: MetricGapType, nullable: true, description: 'Of METRICS_GAP.' }),
  }),
})

export const NodeHistoryConnection = connectionType('NodeHistory', NodeHistoryEntryType)
