import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { InvalidCredentialsError, RateLimitedError, ValidationError } from '../../lib/errors.ts'
import type { SignIn } from './auth-service.ts'
import { ViewerType } from './viewer.ts'

const SignInTransport = builder.enumType('SignInTransport', {
  description: 'How the session is carried: a token that the client keeps, or an HTTP-only cookie.',
  values: ['BEARER', 'COOKIE'] as const,
})

const SignInInput = builder.inputType('SignInInput', {
  fields: (t) => ({
    email: t.string({ required: true }),
    password: t.string({ required: true }),
    transport: t.field({ type: SignInTransport, defaultValue: 'BEARER' }),
  }),
})

const SignInSuccess = builder.objectRef<SignIn & { isInCookie: boolean }>('SignInSuccess').implement({
  fields: (t) => ({
    viewer: t.field({ type: ViewerType, resolve: (signIn) => signIn.actor }),
    token: t.string({
      nullable: true,
      description: 'null when the cookie carries it.',
      resolve: (signIn) => (signIn.isInCookie ? null : signIn.token),
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When the session ends if it is not used; use moves it.' }),
  }),
})

const SignOutSuccess = builder.objectRef<{ isSignedOut: boolean }>('SignOutSuccess').implement({
  fields: (t) => ({ isSignedOut: t.exposeBoolean('isSignedOut') }),
})

builder.mutationField('signIn', (t) =>
  t.field({
    type: SignInSuccess,
    authScopes: { public: true },
    errors: { types: [ValidationError, InvalidCredentialsError, RateLimitedError] },
    args: { input: t.arg({ type: SignInInput, required: true }) },
    resolve: async (_root, { input }, { services, cookie, address, userAgent }) => {
      const isInCookie = input.transport === 'COOKIE'
      if (isInCookie && cookie === null) {
        throw new ValidationError([{ path: ['transport'], message: 'cannot be COOKIE over a WebSocket', code: 'INVALID' }])
      }
      const signIn = await services.auth.signIn({ address, userAgent }, { ...input, transport: isInCookie ? 'COOKIE' : 'BEARER' })
      if (isInCookie) cookie?.set(signIn.token)
      return { ...signIn, isInCookie }
    },
  }),
)

builder.mutationField('signOut', (t) =>
  t.field({
    type: SignOutSuccess,
    authScopes: { signedIn: true },
    errors: { types: [] },
    resolve: async (_root, _args, context) => {
      await context.services.auth.signOut(actorOf(context))
      context.cookie?.clear()
      return { isSignedOut: true }
    },
  }),
)
