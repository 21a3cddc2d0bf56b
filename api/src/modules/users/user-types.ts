import { builder } from '../../graphql/builder.ts'
import { connectionType } from '../../graphql/connection.ts'
import type { UserView } from './user-read-model.ts'

export const UserType = builder.objectRef<UserView>('User').implement({
  description: 'A person, as others see them.',
  fields: (t) => ({
    id: t.exposeID('id'),
    username: t.exposeString('username'),
    displayName: t.exposeString('displayName'),
  }),
})

export const UserConnection = connectionType('User', UserType)
