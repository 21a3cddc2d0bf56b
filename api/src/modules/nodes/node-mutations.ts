import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { NodeInUseError, NotFoundError, ValidationError } from '../../lib/errors.ts'
import type { NodeView } from './node-read-model.ts'
import { NodeType } from './node-types.ts'

const UpdateNodeInput = builder.inputType('UpdateNodeInput', {
  description: 'What is absent stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true }),
    name: t.string({ description: '1 to 64 characters, unique.' }),
    location: t.string({ description: 'At most 64 characters; empty is none.' }),
    tags: t.stringList({ description: 'At most 16 of small letters, digits, dots, dashes and underscores.' }),
    isMaintenance: t.boolean(),
    memoryOvercommitPercent: t.int({ description: '10 to 1000, as the next two.' }),
    cpuOvercommitPercent: t.int(),
    diskOvercommitPercent: t.int(),
  }),
})

const UpdateNodeSuccess = builder
  .objectRef<{ node: NodeView }>('UpdateNodeSuccess')
  .implement({ fields: (t) => ({ node: t.expose('node', { type: NodeType }) }) })

builder.mutationField('updateNode', (t) =>
  t.field({
    type: UpdateNodeSuccess,
    authScopes: { permission: 'node:manage' },
    errors: { types: [ValidationError, NotFoundError] },
    args: { input: t.arg({ type: UpdateNodeInput, required: true }) },
    resolve: async (_root, { input }, context) => ({ node: await context.services.nodes.update(actorOf(context), input) }),
  }),
)

const DeleteNodeInput = builder.inputType('DeleteNodeInput', { fields: (t) => ({ id: t.id({ required: true }) }) })
const DeleteNodeSuccess = builder
  .objectRef<{ deletedNodeId: string }>('DeleteNodeSuccess')
  .implement({ fields: (t) => ({ deletedNodeId: t.exposeID('deletedNodeId') }) })

builder.mutationField('deleteNode', (t) =>
  t.field({
    type: DeleteNodeSuccess,
    description: "Forgets the node and its ports; its agent's key is refused from then on.",
    authScopes: { permission: 'node:manage' },
    errors: { types: [NotFoundError, NodeInUseError] },
    args: { input: t.arg({ type: DeleteNodeInput, required: true }) },
    resolve: async (_root, { input }, context) => {
      await context.services.nodes.remove(actorOf(context), input.id)
      return { deletedNodeId: input.id }
    },
  }),
)
