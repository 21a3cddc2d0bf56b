import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anonymous, startApi, type TestApi } from '../support/api.ts'
import { createThirdParty, type ThirdParty } from '../support/third-party.ts'

let folder: string
let api: TestApi
let administrator: ThirdParty

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'catalyst-dashboard-'))
  await mkdir(path.join(folder, 'built', 'assets'), { recursive: true })
  await writeFile(path.join(folder, 'secret.txt'), 'secret')
  const built = path.join(folder, 'built')
  await writeFile(
    path.join(built, 'index.html'),
    '<!doctype html><script>theme()</script><script type="module" src="/assets/app-1a2b.js"></script><p>the page</p>',
  )
  await writeFile(path.join(built, 'assets', 'app-1a2b.js'), `console.log(${JSON.stringify('x'.repeat(5000))})`)
  await symlink(path.join(folder, 'secret.txt'), path.join(built, 'link.txt'))
  api = await startApi({ dashboardDir: built })
  administrator = await api.administrator()
})
afterAll(async () => {
  await api.dispose()
  await rm(folder, { recursive: true })
})

const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(`${api.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })

/** Sends a request target as it is: fetch would tidy it. */
async function rawGet(target: string): Promise<string> {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  let answer = ''
  for await (const part of socket) answer += String(part)
  return answer
}

describe('health', () => {
  it('is alive and ready', async () => {
    for (const name of ['healthz', 'readyz']) expect((await fetch(`${api.url}/${name}`)).status).toBe(200)
  })
  it('is not ready without its migrations, and alive all the same', async () => {
    await api.sql(`update _prisma_migrations set finished_at = null`)
    const response = await fetch(`${api.url}/readyz`)
    expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('lacks migrations')])
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200)
    await expect(api.restart()).rejects.toThrow('lacks migrations')
    await api.sql(`update _prisma_migrations set finished_at = now()`)
    await api.sql(
      `insert into _prisma_migrations (id, checksum, migration_name, finished_at) values ('x', 'x', '29990101000000_later', now())`,
    )
    await expect(api.restart()).rejects.toThrow('newer than this version')
    await api.sql(`delete from _prisma_migrations where id = 'x'`)
    await api.restart()
    administrator = await api.administrator()
  })
})

describe('dashboard', () => {
  it('serves the page at every path of the app, never cached', async () => {
    for (const pathname of ['/', '/servers', '/servers/018bcfe5-6800-7000-8000-000000000000']) {
      const response = await fetch(`${api.url}${pathname}`)
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-cache'])
      expect(await response.text()).toContain('the page')
    }
  })
  it('lets hashed files be kept for good, and compresses them', async () => {
    const response = await fetch(`${api.url}/assets/app-1a2b.js`)
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(await response.text()).toContain('console.log')
    const again = await fetch(`${api.url}/assets/app-1a2b.js`, { headers: { 'if-none-match': response.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })
  it('answers 404 for a missing file, not the page', async () => {
    for (const pathname of ['/assets/gone.js', '/favicon.ico', '/assets/x']) expect((await fetch(`${api.url}${pathname}`)).status).toBe(404)
  })
  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '//secret.txt',
    '/link.txt',
    '/%00',
    '/\\..\\secret.txt',
    'http://x/../secret.txt',
  ])('does not let %s out of its folder', async (target) => {
    expect(await rawGet(target)).not.toContain('secret')
  })
  it('allows nothing from elsewhere', async () => {
    const response = await fetch(api.url)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(/default-src 'self'; script-src 'self' 'sha256-[^']+';/)
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/script-src[^;]*unsafe/)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })
})

describe('limits over HTTP', () => {
  it('refuses large bodies, announced or not', async () => {
    expect((await post(JSON.stringify({ query: `# ${'x'.repeat(2 ** 20)}\n{ viewer { id } }` }))).status).toBe(413)
    const endless = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(64 * 1024).fill(32))
      },
    })
    // The server answers and hangs up while the body is still on its way.
    const status = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    } as RequestInit).then(
      (response) => response.status,
      () => 'cut',
    )
    expect([413, 'cut']).toContain(status)
  })
  it.each([
    '',
    '{',
    '[]',
    '"x"',
    'null',
    '{"query":1}',
    '{"query":"{"}',
    '{"query":"{ viewer { id } }","variables":"x"}',
    '[{"query":"{viewer{id}}"},{"query":"{viewer{id}}"}]',
  ])('answers %j with a client error', async (body) => {
    const response = await post(body)
    expect(response.status, await response.clone().text()).toBeGreaterThanOrEqual(200)
    expect(response.status).toBeLessThan(500)
    expect(((await response.json()) as { errors?: unknown[] }).errors).toHaveLength(1)
  })
  it('opens no event stream', async () => {
    const response = await post('{"query":"subscription { nodeEvents { occurredAt } }"}', {
      accept: 'text/event-stream',
      authorization: `Bearer ${administrator.token}`,
    })
    expect(response.headers.get('content-type')).not.toContain('event-stream')
    expect(await response.text()).toContain('WEBSOCKET_NEEDED')
  })
})

const depth = (levels: number) => `{ servers { ${'edges { node { node { '.repeat(levels)} id ${'} } } '.repeat(levels)} } }`
const CASES = {
  tokens: `{ ${'viewer { id } '.repeat(700)} }`,
  aliases: `{ ${Array.from({ length: 40 }, (_, index) => `a${String(index)}: viewer { id }`).join(' ')} }`,
  depth: depth(6),
  doubling: `{ ...F0 } ${Array.from({ length: 40 }, (_, index) => `fragment F${String(index)} on Query { ${index === 39 ? 'viewer { id }' : `...F${String(index + 1)} ...F${String(index + 1)}`} }`).join(' ')}`,
}

/** Messages of the refusal on either transport. */
async function refusal(client: ThirdParty, query: string, transport: 'HTTP' | 'WebSocket'): Promise<string> {
  try {
    if (transport === 'HTTP') await client.query(query)
    else for await (const data of client.iterate(query)) return `answered ${JSON.stringify(data)}`
    return 'answered'
  } catch (error) {
    return error instanceof Error ? error.message : JSON.stringify(error)
  }
}

describe.each(['HTTP', 'WebSocket'] as const)('guards over %s', (transport) => {
  const ask = async (client: ThirdParty, query: string) => {
    try {
      return await refusal(client, query, transport)
    } finally {
      await client.dispose()
    }
  }

  it.each(Object.entries(CASES))('bounds %s', async (_name, query) => {
    expect(await ask(createThirdParty(api.url, administrator.token), query)).toMatch(/LIMIT_EXCEEDED|token/i)
  })

  it('shows the schema to those who are signed in only', async () => {
    const query = '{ __schema { queryType { name } } }'
    expect(await ask(anonymous(api), query)).toContain('Sign in to read the schema')
    expect(await ask(createThirdParty(api.url, administrator.token), query)).toMatch(/^answered/)
  })

  it('refuses nobody, and whoever lacks the permission, naming it', async () => {
    const query =
      'mutation { createEnrolmentToken(input: { name: "n", address: "192.0.2.1", firstPort: 25500, lastPort: 25501 }) { __typename } }'
    expect(await ask(anonymous(api), query)).toContain('UNAUTHENTICATED')
    const refused = await ask(await api.user(`guarded-${transport.toLowerCase()}`), query)
    expect(refused).toContain('FORBIDDEN')
    expect(refused).toContain('"permission":"node:manage"')
  })

  it('does not tell what went wrong inside', async () => {
    await api.sql('alter table "Template" rename to "Hidden"')
    try {
      const masked = await ask(createThirdParty(api.url, administrator.token), '{ templates { totalCount } }')
      expect(masked).toContain('INTERNAL')
      expect(masked).toContain('requestId')
      expect(masked).not.toContain('Template"')
    } finally {
      await api.sql('alter table "Hidden" rename to "Template"')
    }
  })

  it('names the field of a bad argument', async () => {
    expect(await ask(createThirdParty(api.url, administrator.token), '{ nodes(first: 101) { totalCount } }')).toMatch(
      /VALIDATION.*first|first.*VALIDATION/,
    )
    expect(await ask(createThirdParty(api.url, administrator.token), '{ nodes(after: "x") { totalCount } }')).toContain('INVALID_CURSOR')
  })
})
