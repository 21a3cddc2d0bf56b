import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
import { freePort } from '../support/product.ts'

const TOKEN = 'a-token-of-prometheus'

/** The value of a series by its whole name, labels included; null when there is none. */
function valueOf(text: string, series: string): number | null {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return line === undefined ? null : Number(line.slice(series.length + 1))
}

describe('/metrics on the port of the api', () => {
  let api: TestApi
  const read = (authorization?: string) => fetch(`${api.url}/metrics`, { headers: authorization === undefined ? {} : { authorization } })

  beforeAll(async () => {
    api = await startApi({ prometheus: { token: TOKEN, listen: null } })
  })
  afterAll(() => api.dispose())

  it('is for those who have the token', async () => {
    for (const authorization of [undefined, 'Bearer ', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`])
      expect((await read(authorization)).status, authorization).toBe(401)
    const response = await read(`Bearer ${TOKEN}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('text/plain')
  })

  it('has everything that the Grafana dashboard shows of it', async () => {
    const page = await (await read(`Bearer ${TOKEN}`)).text()
    const dashboard = readFileSync(path.resolve(import.meta.dirname, '../../templates/grafana/catalyst.json'), 'utf8')
    const shown = new Set(dashboard.match(/\b(catalyst|process|nodejs)_[a-z0-9_]+/g)?.filter((name) => !name.startsWith('catalyst_agent_')))
    const there = new Set(page.match(/^# TYPE \S+/gm)?.map((line) => line.slice('# TYPE '.length)))
    const isThere = (name: string) => there.has(name) || there.has(name.replace(/_(bucket|sum|count)$/, ''))
    expect(shown.size).toBeGreaterThan(15)
    expect([...shown].filter((name) => !isThere(name))).toEqual([])
  })

  it('tells of the product and of the process', async () => {
    await api.node({ isOnline: false })
    const administrator = await api.administrator()
    await administrator.query('query Named { viewer { id } }')
    const live = administrator.iterate('subscription { nodeEvents { occurredAt } }')
    const first = live.next()
    const text = () => read(`Bearer ${TOKEN}`).then((response) => response.text())
    await expect.poll(async () => valueOf(await text(), 'catalyst_subscriptions{field="nodeEvents"}')).toBe(1)
    const page = await text()
    expect(valueOf(page, 'catalyst_nodes{state="offline"}')).toBe(1)
    expect(valueOf(page, 'catalyst_nodes{state="online"}')).toBe(0)
    expect(valueOf(page, 'catalyst_graphql_seconds_count{operation="query",field="viewer",outcome="ok"}')).toBeGreaterThan(0)
    expect(valueOf(page, 'catalyst_graphql_seconds_count{operation="mutation",field="signIn",outcome="ok"}')).toBe(1)
    expect(valueOf(page, 'catalyst_sql_seconds_count')).toBeGreaterThan(5)
    expect(valueOf(page, 'process_resident_memory_bytes')).toBeGreaterThan(2 ** 20)
    // Names of operations are chosen by clients: as labels they would have no bounds.
    expect(page).not.toContain('Named')
    await administrator.dispose()
    await first.catch(() => undefined)
    await expect.poll(async () => valueOf(await text(), 'catalyst_subscriptions{field="nodeEvents"}')).toBe(0)
  })
})

it('is nowhere unless it is set up', async () => {
  const api = await startApi()
  expect((await fetch(`${api.url}/metrics`)).status).toBe(404)
  await api.dispose()
})

it('has an address of its own, where no token is needed, and nothing else is served', async () => {
  const port = await freePort()
  const api = await startApi({ prometheus: { token: null, listen: { host: '127.0.0.1', port } } })
  const own = `http://127.0.0.1:${String(port)}`
  expect((await fetch(`${own}/metrics`)).status).toBe(200)
  for (const path of ['/', '/graphql', '/healthz']) expect((await fetch(`${own}${path}`)).status).toBe(404)
  expect((await fetch(`${api.url}/metrics`)).status).toBe(404)
  await api.dispose()
  await expect(fetch(`${own}/metrics`)).rejects.toThrow()
})
