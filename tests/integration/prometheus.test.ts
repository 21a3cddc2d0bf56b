import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { freePort } from '../support/product.ts'
import { deleteServer, power } from '../support/scenario.ts'

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

describe('of a fleet', () => {
  let fleet: Fleet
  const page = async () => (await fetch(`${fleet.api.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
  const values = async (...series: string[]) => {
    const text = await page()
    return Object.fromEntries(series.map((name) => [name, valueOf(text, name)]))
  }

  beforeAll(async () => {
    fleet = await startFleet(undefined, { prometheus: { token: TOKEN, listen: null }, hasProxy: true })
  })
  afterAll(async () => {
    fleet.api.database?.become('open')
    await fleet.dispose()
  })

  it('is counted what its servers say, do and are asked for', async () => {
    const id = await installedServer(fleet)
    await fleet.agent.report(id, { state: 'STOPPED' })
    await fleet.agent.pushConsole(id, 0, 'one\ntwo\n', 'three\n')
    const gap = { kind: 'GAP', runId: 'run', at: new Date().toISOString(), gapBytes: 70, gapReason: 'FLOOD' }
    await fleet.agent.call('mutation ($input: PushConsoleInput!) { pushConsole(input: $input) { expected } }', {
      input: { serverId: id, from: 14, parts: [gap] },
    })
    const start = await power(fleet.administrator, 'start', id)
    const live = [fleet.administrator, await fleet.api.administrator()].map((client) =>
      client.iterate('subscription ($id: ID!) { consoleEvents(serverId: $id, after: 0) { __typename } }', { id }),
    )
    const measured = fleet.administrator.iterate('subscription ($id: ID!) { serverMetrics(serverId: $id) { at } }', { id })
    const first = measured.next()
    for (const reader of live) await reader.next()
    const expected = {
      catalyst_console_lines_total: 3,
      catalyst_console_bytes_total: 14,
      'catalyst_console_gaps_total{reason="FLOOD"}': 1,
      'catalyst_console_gap_bytes_total{reason="FLOOD"}': 70,
      catalyst_viewer_gaps_total: 0,
      catalyst_viewer_gap_bytes_total: 0,
      'catalyst_console_unstored_bytes{state="spent"}': 0,
      'catalyst_console_unstored_bytes{state="waiting"}': 0,
      catalyst_viewers_unread_bytes: 0,
      'catalyst_command_seconds_count{kind="INSTALL",status="DONE"}': 1,
      'catalyst_commands_open{kind="START"}': 1,
      'catalyst_servers{status="STARTING"}': 1,
      'catalyst_shared_subscriptions{of="subscriptions"}': 2,
      'catalyst_shared_subscriptions{of="executions"}': 1,
      catalyst_metrics_viewers: 1,
    }
    await expect.poll(() => values(...Object.keys(expected)), { timeout: 5000 }).toEqual(expected)
    await fleet.agent.finish(start.id, 'DONE')
    await expect
      .poll(() => values('catalyst_commands_open{kind="START"}', 'catalyst_command_seconds_count{kind="START",status="DONE"}'))
      .toEqual({ 'catalyst_commands_open{kind="START"}': null, 'catalyst_command_seconds_count{kind="START",status="DONE"}': 1 })
    for (const reader of live) await reader.return()
    await deleteServer(fleet.administrator, id)
    await first.catch(() => undefined)
  })

  it('is shown without what only the database knows while that is away', async () => {
    fleet.api.database?.become('refuse')
    const text = await page()
    fleet.api.database?.become('open')
    expect(valueOf(text, 'catalyst_nodes{state="online"}')).toBeNull()
    expect(valueOf(text, 'catalyst_metrics_hours_waiting')).toBeNull()
    expect(valueOf(text, 'catalyst_console_lines_total')).toBe(3)
    expect(valueOf(text, 'catalyst_sql_connections{state="busy"}')).not.toBeNull()
    expect(valueOf(text, 'process_resident_memory_bytes')).toBeGreaterThan(2 ** 20)
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
