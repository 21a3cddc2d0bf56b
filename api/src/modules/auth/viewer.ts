import { builder } from '../../graphql/builder.ts'
import type { UserActor } from '../../lib/actor.ts'

export const ViewerType = builder.objectRef<UserActor>('Viewer').implement({
  description: 'Who is signed in.',
  fields: (t) => ({
    id: t.exposeID('id'),
    email: t.exposeString('email'),
    username: t.exposeString('username'),
    displayName: t.exposeString('displayName'),
    permissions: t.stringList({ description: 'What they may do: resource:verb.', resolve: (viewer) => [...viewer.permissions].sort() }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    description: 'Who is signed in; null when nobody is.',
    type: ViewerType,
    nullable: true,
    authScopes: { public: true },
    resolve: (_root, _args, { actor }) => actor,
  }),
)
