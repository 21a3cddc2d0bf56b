import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { ADMINISTRATOR, anonymous, PUBLIC_URL, startApi, type TestApi } from '../support/api.ts'
import { createThirdParty } from '../support/third-party.ts'

const SIGN_IN = `mutation ($input: SignInInput!) {
  signIn(input: $input) {
    __typename
    ... on SignInSuccess { token expiresAt viewer { username permissions } }
    ... on Error { code message }
    ... on ValidationError { fields { path code } }
  }
}`

type SignInAnswer = { __typename: string; token: string | null; code: string; fields?: { path: string[] }[] }

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.dispose())

async function signIn(input: object, client = anonymous(api)): Promise<SignInAnswer> {
  const data = await client.query<{ signIn: SignInAnswer }>(SIGN_IN, { input })
  return data.signIn
}

const post = (headers: Record<string, string>, body: object | string, path = '/graphql') =>
  fetch(`${api.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const VIEWER = { query: '{ viewer { username } }' }

/** Signs in with a cookie, as the dashboard does. */
async function cookieOf(): Promise<string> {
  const response = await post({ origin: PUBLIC_URL }, { query: SIGN_IN, variables: { input: { ...ADMINISTRATOR, transport: 'COOKIE' } } })
  const body = (await response.json()) as { data: { signIn: SignInAnswer } }
  expect(body.data.signIn.token).toBeNull()
  const header = response.headers.get('set-cookie') ?? ''
  expect(header).toMatch(/HttpOnly; SameSite=Strict/)
  return header.split(';')[0] ?? ''
}

describe('sign-in', () => {
  it('gives a token, without a cookie, and stores only its hash', async () => {
    const response = await post({}, { query: SIGN_IN, variables: { input: ADMINISTRATOR } })
    expect(response.headers.get('set-cookie')).toBeNull()
    const { data } = (await response.json()) as { data: { signIn: SignInAnswer } }
    const token = data.signIn.token ?? ''
    expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    const rows = await api.sql<{ tokenHash: Buffer }>('select "tokenHash" from "Session"')
    expect(rows.every((row) => row.tokenHash.length === 32 && !row.tokenHash.equals(Buffer.from(token, 'base64url')))).toBe(true)
    expect(await createThirdParty(api.url, token).query('{ viewer { username } }')).toEqual({ viewer: { username: 'admin' } })
  })

  it('answers a wrong password and an unknown account alike, and records both', async () => {
    const wrong = await signIn({ email: ADMINISTRATOR.email, password: 'wrong' })
    const unknown = await signIn({ email: 'nobody@example.test', password: 'wrong' })
    expect(wrong).toEqual(unknown)
    expect(wrong.code).toBe('INVALID_CREDENTIALS')
    const rows = await api.sql<{ subjectName: string; address: string }>(
      `select "subjectName", address from "AuditEntry" where action = 'session:sign-in-refused' order by id`,
    )
    expect(rows.map((row) => row.subjectName)).toEqual([ADMINISTRATOR.email, 'nobody@example.test'])
    expect(rows[0]?.address).toBe('127.0.0.1')
  })

  it('names the fields of a bad input', async () => {
    expect(await signIn({ email: ' ', password: '' })).toMatchObject({
      __typename: 'ValidationError',
      fields: [{ path: ['email'] }, { path: ['password'] }],
    })
    expect(await signIn({ email: 'x'.repeat(300), password: 'y'.repeat(2000) })).toMatchObject({ __typename: 'ValidationError' })
    expect(await signIn({ email: 'a\0@example.test', password: 'x' })).toMatchObject({ __typename: 'ValidationError' })
  })
})

describe('origins and cookies over HTTP', () => {
  it('takes the cookie with our own Origin only', async () => {
    const cookie = await cookieOf()
    const own = await post({ cookie, origin: PUBLIC_URL }, VIEWER)
    expect(await own.json()).toEqual({ data: { viewer: { username: 'admin' } } })
    expect((await post({ cookie }, VIEWER)).status).toBe(403)
    expect((await post({ cookie, origin: 'http://evil.example.test' }, VIEWER)).status).toBe(403)
    expect((await post({ cookie, origin: 'null' }, VIEWER)).status).toBe(403)
    // The address it really listens on is not the one that people use.
    expect((await post({ cookie, origin: api.url }, VIEWER)).status).toBe(403)
  })

  it('gives other origins nothing, not even with a token, and no CORS headers', async () => {
    const client = await api.administrator()
    const response = await post({ origin: 'http://evil.example.test', authorization: `Bearer ${client.token}` }, VIEWER)
    expect(response.status).toBe(403)
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    const preflight = await fetch(`${api.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin: 'http://evil.example.test', 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(405)
    expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('takes no request that a page could send without a preflight', async () => {
    expect((await fetch(`${api.url}/graphql?query={viewer{id}}`)).status).toBe(405)
    expect((await post({ 'content-type': 'text/plain' }, VIEWER)).status).toBe(415)
    expect((await post({ 'content-type': 'application/x-www-form-urlencoded' }, 'query={viewer{id}}')).status).toBe(415)
    expect((await post({ 'content-type': 'multipart/form-data; boundary=x' }, '--x--')).status).toBe(415)
  })

  it('ends the cookie at sign-out, and its session', async () => {
    const cookie = await cookieOf()
    const out = await post({ cookie, origin: PUBLIC_URL }, { query: 'mutation { signOut { ... on SignOutSuccess { isSignedOut } } }' })
    expect(await out.json()).toEqual({ data: { signOut: { isSignedOut: true } } })
    expect(out.headers.get('set-cookie')).toContain('Max-Age=0')
    const after = await post({ cookie, origin: PUBLIC_URL }, VIEWER)
    expect(await after.json()).toEqual({ data: { viewer: null } })
  })
})

/** The status of a refused upgrade, or 101. */
async function upgrade(headers: Record<string, string>, path = '/graphql'): Promise<number> {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', { headers })
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.once('unexpected-response', (_request, response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    socket.once('error', reject)
  })
}

/** Opens a graphql-transport-ws socket by hand and says hello; resolves with the close code, or `acknowledged`. */
async function connect(headers: Record<string, string>, parameters: object = {}): Promise<number | 'acknowledged'> {
  const socket = new WebSocket(`${api.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: parameters }))
  return new Promise((resolve) => {
    socket.once('message', () => {
      socket.terminate()
      resolve('acknowledged')
    })
    socket.once('close', (code: number) => {
      resolve(code)
    })
  })
}

describe('origins and cookies over WebSocket', () => {
  it.each(['/graphql', '/agent'])('checks the Origin at every upgrade to %s', async (path) => {
    expect(await upgrade({}, path)).toBe(101)
    expect(await upgrade({ origin: PUBLIC_URL }, path)).toBe(101)
    expect(await upgrade({ origin: 'http://evil.example.test' }, path)).toBe(403)
    expect(await upgrade({ origin: api.url }, path)).toBe(403)
    expect(await upgrade({ origin: 'null' }, path)).toBe(403)
  })

  it('knows no other path', async () => {
    expect(await upgrade({}, '/')).toBe(404)
  })

  it('signs in by parameter or by cookie, and closes with 4403 for a token that is none', async () => {
    const { token } = await api.administrator()
    expect(await connect({}, { authorization: `Bearer ${token}` })).toBe('acknowledged')
    expect(await connect({}, { authorization: 'Bearer nonsense' })).toBe(4403)
    expect(await connect({}, { authorization: token })).toBe(4403)
    expect(await connect({}, { authorization: { toString: 'x' } })).toBe(4403)
    const cookie = await cookieOf()
    expect(await connect({ cookie, origin: PUBLIC_URL })).toBe('acknowledged')
    expect(await connect({ cookie: `${cookie}x`, origin: PUBLIC_URL })).toBe(4403)
  })

  it('runs operations as the cookie’s user, and as nobody when the cookie came without an Origin', async () => {
    const cookie = await cookieOf()
    const ask = async (headers: Record<string, string>) => {
      class Socket extends WebSocket {
        constructor(address: string, protocols?: string | string[]) {
          super(address, protocols, { headers })
        }
      }
      const client = createClient({ url: `${api.url.replace('http', 'ws')}/graphql`, webSocketImpl: Socket, retryAttempts: 0 })
      try {
        for await (const result of client.iterate(VIEWER)) return result.data
        return undefined
      } finally {
        await client.dispose()
      }
    }
    expect(await ask({ cookie, origin: PUBLIC_URL })).toEqual({ viewer: { username: 'admin' } })
    expect(await ask({ cookie })).toEqual({ viewer: null })
  })
})

describe('revocation', () => {
  /** A subscription that is open; `closed` resolves with the close code. */
  async function watch(token: string) {
    const closed = Promise.withResolvers<number>()
    const connected = Promise.withResolvers<undefined>()
    const client = createClient({
      url: `${api.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      lazy: false,
      retryAttempts: 0,
      onNonLazyError: () => undefined,
      on: {
        connected: () => {
          connected.resolve(undefined)
        },
        closed: (event) => {
          closed.resolve((event as { code: number }).code)
        },
      },
    })
    await connected.promise
    const events: unknown[] = []
    const ended = Promise.withResolvers<undefined>()
    client.subscribe(
      { query: 'subscription { nodeEvents { node { name } } }' },
      {
        next: (event) => events.push(event),
        error: () => {
          ended.resolve(undefined)
        },
        complete: () => {
          ended.resolve(undefined)
        },
      },
    )
    return { client, events, closed: closed.promise, ended: ended.promise }
  }

  it('closes the sockets of a session that signs out, and leaves other sessions of the user alone', async () => {
    const first = await api.administrator()
    const second = await api.administrator()
    const [watchedFirst, watchedSecond] = [await watch(first.token), await watch(second.token)]
    const started = performance.now()
    await first.query('mutation { signOut { __typename } }')
    expect(await watchedFirst.closed).toBe(4403)
    await watchedFirst.ended
    expect(performance.now() - started).toBeLessThan(5_000)
    await expect(first.query('{ nodes { totalCount } }')).rejects.toThrow('UNAUTHENTICATED')
    expect(await second.query('{ viewer { username } }')).toEqual({ viewer: { username: 'admin' } })
    await watchedSecond.client.dispose()
  })

  it('hears of a revocation by another instance through the database', async () => {
    const client = await api.user('revoked')
    await client.query('{ viewer { id } }')
    const watched = await watch(client.token)
    const [row] = await api.sql<{ id: string }>(`select id from "User" where username = 'revoked'`)
    await api.sql('delete from "Session" where "userId" = $1', [row?.id])
    // The cache still answers: the other instance has not spoken yet.
    expect(await client.query('{ viewer { username } }')).toEqual({ viewer: { username: 'revoked' } })
    await api.sql('select pg_notify($1, $2)', ['catalyst_session_revoked', JSON.stringify({ userId: row?.id, sessionId: null })])
    expect(await watched.closed).toBe(4403)
    expect(await client.query('{ viewer { username } }')).toEqual({ viewer: null })
  })

  it('dials the listening connection again, and forgets what it knew', async () => {
    const client = await api.user('forgotten')
    const watched = await watch(client.token)
    await api.sql(`delete from "Session" where "userId" = (select id from "User" where username = 'forgotten')`)
    await api.sql(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'catalyst-api-listen' and datname = current_database()`,
    )
    expect(await watched.closed).toBe(4403)
    expect(await client.query('{ viewer { username } }')).toEqual({ viewer: null })
  })

  it('survives nonsense on the channel', async () => {
    await api.sql('select pg_notify($1, $2)', ['catalyst_session_revoked', 'not json'])
    expect((await signIn(ADMINISTRATOR)).__typename).toBe('SignInSuccess')
  })

  it('ends sessions with their time', async () => {
    const client = await api.user('expired')
    await api.sql(
      `update "Session" set "expiresAt" = now() - interval '1 second' where "userId" = (select id from "User" where username = 'expired')`,
    )
    await api.restart()
    expect(await createThirdParty(api.url, client.token).query('{ viewer { id } }')).toEqual({ viewer: null })
  })
})
