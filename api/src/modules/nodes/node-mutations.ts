import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { ValidationError } from '../../lib/errors.ts'

const CreateEnrolmentTokenInput = builder.inputType('CreateEnrolmentTokenInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'Name of the node to be; 1 to 64 characters, unique.' }),
    address: t.string({ required: true, description: 'Address that its games are published on.' }),
    firstPort: t.int({ required: true }),
    lastPort: t.int({ required: true, description: 'The ports that games may get, this one included.' }),
  }),
})

const CreateEnrolmentTokenSuccess = builder.objectRef<{ token: string; expiresAt: Date }>('CreateEnrolmentTokenSuccess').implement({
  fields: (t) => ({
    token: t.exposeString('token', { description: 'Shown once, good for one node.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
  }),
})

builder.mutationField('createEnrolmentToken', (t) =>
  t.field({
    type: CreateEnrolmentTokenSuccess,
    authScopes: { permission: 'node:manage' },
    errors: { types: [ValidationError] },
    args: { input: t.arg({ type: CreateEnrolmentTokenInput, required: true }) },
    resolve: (_root, { input }, context) => context.services.nodes.createEnrolmentToken(actorOf(context), input),
  }),
)
