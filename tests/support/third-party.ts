import { createClient, type Client } from 'graphql-ws'
import { WebSocket } from 'ws'

type Variables = Record<string, unknown>

/** What an integrator without any of our code has: `fetch` with a token and a generic graphql-ws client. */
export type ThirdParty = {
  /** The session token, for a second client; empty when nobody. */
  readonly token: string
  /** Data of a query or mutation; throws with the messages of top-level errors. */
  query<T>(document: string, variables?: Variables): Promise<T>
  /** Payloads of a subscription until `return()` or the end; rejects on a protocol error. */
  iterate<T>(document: string, variables?: Variables): AsyncGenerator<T, void, undefined>
  dispose(): Promise<void>
}

/**
 * @param url address of the product, such as `http://localhost:3000`
 * @param token a BEARER session token; null acts as nobody
 */
export function createThirdParty(url: string, token: string | null): ThirdParty {
  let client: Client | null = null
  const authorization: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
  const socket = () =>
    (client ??= createClient({
      url: `${url.replace(/^http/, 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: authorization,
      lazy: true,
      retryAttempts: 0,
    }))
  return {
    token: token ?? '',
    async query<T>(document: string, variables: Variables = {}) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization },
        body: JSON.stringify({ query: document, variables }),
      })
      const body = (await response.json()) as { data?: T; errors?: { message: string }[] }
      if (body.errors !== undefined || body.data === undefined)
        throw new Error(`${String(response.status)}: ${JSON.stringify(body.errors)}`)
      return body.data
    },
    async *iterate<T>(document: string, variables: Variables = {}) {
      const results = socket().iterate<T>({ query: document, variables })
      for await (const result of results) {
        if (result.errors !== undefined) throw new Error(JSON.stringify(result.errors))
        if (result.data != null) yield result.data
      }
    },
    async dispose() {
      await client?.dispose()
    },
  }
}

/** Signs in as a third party does. */
export async function signIn(url: string, email: string, password: string): Promise<ThirdParty> {
  const anonymous = createThirdParty(url, null)
  const { signIn: result } = await anonymous.query<{ signIn: { token?: string; message?: string } }>(
    `mutation ($input: SignInInput!) {
      signIn(input: $input) { ... on SignInSuccess { token } ... on Error { message } }
    }`,
    { input: { email, password } },
  )
  if (result.token === undefined) throw new Error(`sign-in refused: ${result.message ?? ''}`)
  return createThirdParty(url, result.token)
}
