import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { NotFoundError, ValidationError } from '../../lib/errors.ts'
import type { OpenEnrolmentToken } from './enrolment-service.ts'

type CreatedToken = { id: string; token: string; expiresAt: Date }

const createdTokenType = (name: string) =>
  builder.objectRef<CreatedToken>(name).implement({
    fields: (t) => ({
      id: t.exposeID('id'),
      token: t.exposeString('token', { description: 'Shown once, good for one node.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    }),
  })

const CreateEnrolmentTokenInput = builder.inputType('CreateEnrolmentTokenInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'Name of the node to be; 1 to 64 characters, unique.' }),
    address: t.string({ required: true, description: 'Address that its games are published on.' }),
    firstPort: t.int({ required: true }),
    lastPort: t.int({ required: true, description: 'The ports that games may get, this one included.' }),
    location: t.string({ description: 'As of a node; absent is none.' }),
    tags: t.stringList({ description: 'As of a node.' }),
  }),
})

const CreateEnrolmentTokenSuccess = createdTokenType('CreateEnrolmentTokenSuccess')

builder.mutationField('createEnrolmentToken', (t) =>
  t.field({
    type: CreateEnrolmentTokenSuccess,
    authScopes: { permission: 'node:manage' },
    errors: { types: [ValidationError] },
    args: { input: t.arg({ type: CreateEnrolmentTokenInput, required: true }) },
    resolve: (_root, { input }, context) => context.services.enrolment.createToken(actorOf(context), input),
  }),
)

const CreateRekeyTokenInput = builder.inputType('CreateRekeyTokenInput', { fields: (t) => ({ nodeId: t.id({ required: true }) }) })
const CreateRekeyTokenSuccess = createdTokenType('CreateRekeyTokenSuccess')

builder.mutationField('createRekeyToken', (t) =>
  t.field({
    type: CreateRekeyTokenSuccess,
    description: "Enrolling with it gives the node another key: the old one is refused at once, and the old agent's session ends.",
    authScopes: { permission: 'node:manage' },
    errors: { types: [NotFoundError] },
    args: { input: t.arg({ type: CreateRekeyTokenInput, required: true }) },
    resolve: (_root, { input }, context) => context.services.enrolment.createRekeyToken(actorOf(context), input.nodeId),
  }),
)

const EnrolmentTokenType = builder.objectRef<OpenEnrolmentToken>('EnrolmentToken').implement({
  description: 'A token that was not used yet and has not expired. The secret itself is not kept.',
  fields: (t) => ({
    id: t.exposeID('id'),
    nodeName: t.exposeString('nodeName'),
    isRekey: t.exposeBoolean('isRekey', { description: 'For another key of a node that is there.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
  }),
})

builder.queryField('enrolmentTokens', (t) =>
  t.field({
    type: [EnrolmentTokenType],
    description: 'The open ones, newest first; at most 100.',
    authScopes: { permission: 'node:manage' },
    resolve: (_root, _args, context) => context.services.enrolment.openTokens(actorOf(context)),
  }),
)

const RevokeEnrolmentTokenInput = builder.inputType('RevokeEnrolmentTokenInput', { fields: (t) => ({ id: t.id({ required: true }) }) })
const RevokeEnrolmentTokenSuccess = builder
  .objectRef<{ deletedEnrolmentTokenId: string }>('RevokeEnrolmentTokenSuccess')
  .implement({ fields: (t) => ({ deletedEnrolmentTokenId: t.exposeID('deletedEnrolmentTokenId') }) })

builder.mutationField('revokeEnrolmentToken', (t) =>
  t.field({
    type: RevokeEnrolmentTokenSuccess,
    authScopes: { permission: 'node:manage' },
    errors: { types: [NotFoundError] },
    args: { input: t.arg({ type: RevokeEnrolmentTokenInput, required: true }) },
    resolve: async (_root, { input }, context) => {
      await context.services.enrolment.revoke(actorOf(context), input.id)
      return { deletedEnrolmentTokenId: input.id }
    },
  }),
)
