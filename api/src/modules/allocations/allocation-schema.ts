import { builder } from '../../graphql/builder.ts'
import { connectionComplexity, connectionType, pageRequest } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import { PortProtocolEnum } from '../../graphql/enums.ts'
import { createLoader } from '../../graphql/loader.ts'
import { AllocationInUseError, NotFoundError, ValidationError } from '../../lib/errors.ts'
import { ServerType } from '../servers/server-types.ts'
import type { NodeAllocation } from './allocation-read-model.ts'

const server = createLoader(async (context, ids) => {
  const servers = new Map((await context.services.servers.byIds(actorOf(context), ids)).map((row) => [row.id, row]))
  return ids.map((id) => ({ server: servers.get(id) ?? null }))
})

const NodeAllocationType = builder.objectRef<NodeAllocation>('NodeAllocation').implement({
  description: 'A port of a node’s stock. What a server does with it is shown to those who may see the server.',
  fields: (t) => ({
    id: t.exposeID('id'),
    ip: t.exposeString('ip'),
    port: t.exposeInt('port'),
    isFree: t.exposeBoolean('isFree'),
    note: t.exposeString('note', { nullable: true, description: 'null without the permission allocation:manage.' }),
    protocol: t.expose('protocol', { type: PortProtocolEnum, nullable: true }),
    name: t.exposeString('name', { nullable: true, description: 'Of the template’s port.' }),
    isPrimary: t.exposeBoolean('isPrimary', { description: 'Players join its server here.' }),
    server: t.field({
      type: ServerType,
      nullable: true,
      resolve: async ({ serverId }, _args, context) => (serverId === null ? null : (await server(context, serverId)).server),
    }),
  }),
})

const NodeAllocationConnection = connectionType('NodeAllocation', NodeAllocationType)

const AllocationFilterInput = builder.inputType('AllocationFilter', {
  fields: (t) => ({
    isFree: t.boolean(),
    search: t.string({ description: 'Part of ip:port, of the note, or of the server’s name.' }),
  }),
})

builder.queryField('allocations', (t) =>
  t.field({
    type: NodeAllocationConnection,
    description: 'The ports of a node by address and number. Empty for an unknown node.',
    authScopes: { permission: 'node:read' },
    complexity: connectionComplexity,
    args: {
      nodeId: t.arg.id({ required: true }),
      first: t.arg.int(),
      after: t.arg.string(),
      filter: t.arg({ type: AllocationFilterInput }),
    },
    resolve: (_root, { nodeId, filter, ...page }, context) =>
      context.services.allocations.page(actorOf(context), nodeId, pageRequest(page), filter ?? {}),
  }),
)

const AddAllocationsInput = builder.inputType('AddAllocationsInput', {
  fields: (t) => ({
    nodeId: t.id({ required: true }),
    ip: t.string({ required: true, description: 'An IPv4 address of the machine.' }),
    firstPort: t.int({ required: true, description: '1024 or more.' }),
    lastPort: t.int({ required: true, description: 'This one included; at most 10 000 ports at once.' }),
    note: t.string({ description: 'At most 200 characters.' }),
  }),
})
const AddAllocationsSuccess = builder.objectRef<{ addedCount: number; duplicatePorts: number[] }>('AddAllocationsSuccess').implement({
  fields: (t) => ({
    addedCount: t.exposeInt('addedCount'),
    duplicatePorts: t.exposeIntList('duplicatePorts', {
      description: 'Those of the range that the node had already; they stay as they were.',
    }),
  }),
})
builder.mutationField('addAllocations', (t) =>
  t.field({
    type: AddAllocationsSuccess,
    authScopes: { permission: 'allocation:manage' },
    errors: { types: [ValidationError, NotFoundError] },
    args: { input: t.arg({ type: AddAllocationsInput, required: true }) },
    resolve: (_root, { input }, context) => context.services.allocations.add(actorOf(context), input),
  }),
)

const RemoveAllocationsInput = builder.inputType('RemoveAllocationsInput', {
  fields: (t) => ({ nodeId: t.id({ required: true }), ids: t.idList({ required: true, description: '1 to 1 000.' }) }),
})
const RemoveAllocationsSuccess = builder
  .objectRef<{ deletedAllocationIds: string[] }>('RemoveAllocationsSuccess')
  .implement({ fields: (t) => ({ deletedAllocationIds: t.exposeIDList('deletedAllocationIds') }) })
builder.mutationField('removeAllocations', (t) =>
  t.field({
    type: RemoveAllocationsSuccess,
    description: 'Removes all of them, or none when a server has one. Ids that the node does not have are passed over.',
    authScopes: { permission: 'allocation:manage' },
    errors: { types: [ValidationError, NotFoundError, AllocationInUseError] },
    args: { input: t.arg({ type: RemoveAllocationsInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      deletedAllocationIds: await context.services.allocations.remove(actorOf(context), input),
    }),
  }),
)

const UpdateAllocationsInput = builder.inputType('UpdateAllocationsInput', {
  fields: (t) => ({
    nodeId: t.id({ required: true }),
    ids: t.idList({ required: true, description: '1 to 1 000.' }),
    note: t.string({ required: true, description: 'At most 200 characters; empty is none.' }),
  }),
})
const UpdateAllocationsSuccess = builder
  .objectRef<{ allocations: NodeAllocation[] }>('UpdateAllocationsSuccess')
  .implement({ fields: (t) => ({ allocations: t.expose('allocations', { type: [NodeAllocationType] }) }) })
builder.mutationField('updateAllocations', (t) =>
  t.field({
    type: UpdateAllocationsSuccess,
    description: 'Ids that the node does not have are passed over.',
    authScopes: { permission: 'allocation:manage' },
    errors: { types: [ValidationError, NotFoundError] },
    args: { input: t.arg({ type: UpdateAllocationsInput, required: true }) },
    resolve: async (_root, { input }, context) => ({ allocations: await context.services.allocations.update(actorOf(context), input) }),
  }),
)
