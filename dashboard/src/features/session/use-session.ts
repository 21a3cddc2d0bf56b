import type { ApolloClient, NormalizedCacheObject } from '@apollo/client/core'
import type { Client } from 'graphql-ws'
import { ref, shallowReadonly, shallowRef, type InjectionKey } from 'vue'
import { injectStrict } from '../../composables/inject-strict.ts'
import { graphql } from '../../gql/index.ts'
import type { SessionViewerQuery } from '../../gql/graphql.ts'

const SessionViewer = graphql(`
  query SessionViewer {
    viewer {
      id
      email
      username
      displayName
      permissions
    }
  }
`)

const SignIn = graphql(`
  mutation SessionSignIn($input: SignInInput!) {
    signIn(input: $input) {
      __typename
      ... on SignInSuccess {
        viewer {
          id
          email
          username
          displayName
          permissions
        }
      }
      ... on Error {
        message
        code
      }
      ... on RateLimitedError {
        retryAfterSeconds
      }
    }
  }
`)

const SignOut = graphql(`
  mutation SessionSignOut {
    signOut {
      __typename
    }
  }
`)

export type Viewer = NonNullable<SessionViewerQuery['viewer']>
export type SignInRefusal = { code: string; message: string; retryAfterSeconds: number | null }

/** Who is signed in. The session itself is a cookie that no script can read. */
export function createSession(apollo: ApolloClient<NormalizedCacheObject>, socket: Client) {
  const viewer = shallowRef<Viewer | null>(null)
  const isKnown = ref(false)
  /** Set when the api ended the session while a page was open. */
  const wasLost = ref(false)

  const forget = async () => {
    viewer.value = null
    isKnown.value = true
    // Streams of the old session end with its socket.
    socket.terminate()
    await apollo.clearStore()
  }
  return {
    viewer: shallowReadonly(viewer),
    wasLost,
    /** Asks the api once; later calls answer from memory. */
    async load(): Promise<Viewer | null> {
      if (!isKnown.value) {
        const { data } = await apollo.query({ query: SessionViewer })
        viewer.value = data.viewer
        isKnown.value = true
      }
      return viewer.value
    },
    /** Null when signed in, otherwise why not. @throws when the api cannot be reached */
    async signIn(email: string, password: string): Promise<SignInRefusal | null> {
      const { data } = await apollo.mutate({ mutation: SignIn, variables: { input: { email, password, transport: 'COOKIE' } } })
      const result = data?.signIn
      if (result?.__typename === 'SignInSuccess') {
        await apollo.clearStore()
        viewer.value = result.viewer
        isKnown.value = true
        wasLost.value = false
        return null
      }
      return {
        code: result?.code ?? 'UNKNOWN',
        message: result?.message ?? '',
        retryAfterSeconds: result?.__typename === 'RateLimitedError' ? result.retryAfterSeconds : null,
      }
    },
    async signOut(): Promise<void> {
      await apollo.mutate({ mutation: SignOut })
      await forget()
    },
    /** The api said that nobody is signed in. */
    lost(): void {
      if (viewer.value === null) return
      wasLost.value = true
      void forget()
    },
    can: (permission: string) => viewer.value?.permissions.includes(permission) === true,
  }
}

export type Session = ReturnType<typeof createSession>
export const sessionKey: InjectionKey<Session> = Symbol('session')
export const useSession = () => injectStrict(sessionKey)
