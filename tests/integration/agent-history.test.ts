import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFakeAgent } from '../support/fake-agent.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { deleteServer } from '../support/scenario.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet()
})

afterAll(async () => {
  await fleet.dispose()
})

type Entry = {
  kind: string
  at: string
  code: number | null
  reason: string | null
  message: string | null
  attempt: number | null
  nextAt: string | null
}

const history = async (id: string, first = 50, after: string | null = null) =>
  (
    await fleet.administrator.query<{
      serverHistory: { totalCount: number; nodes: Entry[]; pageInfo: { endCursor: string | null; hasNextPage: boolean } }
    }>(
      `query ($id: ID!, $first: Int, $after: String) { serverHistory(serverId: $id, first: $first, after: $after) {
        totalCount nodes { kind at code reason message attempt nextAt } pageInfo { endCursor hasNextPage } } }`,
      { id, first, after },
    )
  ).serverHistory

describe('events of an agent', () => {
  it('are stored once, shown where they belong in time, and told to who looks on', async () => {
    const id = await installedServer(fleet)
    const hourAgo = Date.now() - 3_600_000
    const at = (seconds: number) => new Date(hourAgo + seconds * 1000).toISOString()
    const events = [
      { serverId: id, sequence: 1, at: at(0), kind: 'STARTED' },
      { serverId: id, sequence: 2, at: at(1), kind: 'READY' },
      { serverId: id, sequence: 3, at: at(2), kind: 'EXITED', code: 139, reason: 'CRASHED' },
      { serverId: id, sequence: 4, at: at(2), kind: 'RESTART_PLANNED', attempt: 2, nextAt: at(6), reason: 'CRASHED' },
      { serverId: id, sequence: 5, at: at(7), kind: 'GAVE_UP', message: 'too many crashes' },
    ]
    expect(await fleet.agent.tell(...events)).toBe(5)
    // The answer was lost: they come again, alone and together, out of order too.
    expect(await fleet.agent.tell(...events.toReversed())).toBe(5)
    expect(await Promise.all(events.map((event) => fleet.agent.tell(event)))).toEqual([1, 1, 1, 1, 1])
    const { nodes } = await history(id)
    // Told an hour late, so they stand before what happened since.
    expect(nodes.slice(-5).reverse()).toEqual([
      { kind: 'STARTED', at: at(0), code: null, reason: null, message: null, attempt: null, nextAt: null },
      { kind: 'READY', at: at(1), code: null, reason: null, message: null, attempt: null, nextAt: null },
      { kind: 'EXITED', at: at(2), code: 139, reason: 'CRASHED', message: null, attempt: null, nextAt: null },
      { kind: 'RESTART_PLANNED', at: at(2), code: null, reason: 'CRASHED', message: null, attempt: 2, nextAt: at(6) },
      { kind: 'GAVE_UP', at: at(7), code: null, reason: null, message: 'too many crashes', attempt: null, nextAt: null },
    ])
    // The filter keeps those of a time, its beginning included, and of a kind.
    const { serverHistory } = await fleet.administrator.query<{ serverHistory: { totalCount: number; nodes: { kind: string }[] } }>(
      'query ($id: ID!, $filter: ServerHistoryFilter) { serverHistory(serverId: $id, filter: $filter) { totalCount nodes { kind } } }',
      { id, filter: { from: at(2), to: at(7), kinds: ['STARTED', 'EXITED', 'GAVE_UP'] } },
    )
    expect(serverHistory).toEqual({ totalCount: 1, nodes: [{ kind: 'EXITED' }] })
    // Pages join without holes or repeats, also where two have the same time.
    const seen: string[] = []
    let after: string | null = null
    do {
      const page = await history(id, 2, after)
      seen.push(...page.nodes.map(({ kind }) => kind))
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
    } while (after !== null)
    expect(seen).toEqual(nodes.map(({ kind }) => kind))
  })

  it('of another store count anew, and of a server that is gone are answered and passed over', async () => {
    const id = await installedServer(fleet)
    await fleet.agent.tell({ serverId: id, sequence: 1, kind: 'STARTED' })
    fleet.agent = await startFakeAgent(fleet.api.url, { ...fleet.node, storeId: randomUUID() })
    await fleet.agent.tell({ serverId: id, sequence: 1, kind: 'STARTED' })
    expect((await history(id)).nodes.filter(({ kind }) => kind === 'STARTED')).toHaveLength(2)
    await deleteServer(fleet.administrator, id)
    await fleet.agent.report(id, { isRemoved: true, generation: 99 })
    expect(await fleet.agent.tell({ serverId: id, sequence: 2, kind: 'EXITED' })).toBe(1)
  })
})

describe('what a report brings', () => {
  it('a restart that waits and the need of one are shown until they are over', async () => {
    const id = await installedServer(fleet)
    const at = new Date(Date.now() + 5000).toISOString()
    const read = () =>
      fleet.administrator.query('query ($id: ID!) { server(id: $id) { needsRestart pendingRestart { attempt maximum at reason } } }', {
        id,
      })
    await fleet.agent.report(id, { state: 'CRASHED', restart: { attempt: 3, at, reason: 'CRASHED' }, needsRestart: true })
    expect(await read()).toEqual({ server: { needsRestart: true, pendingRestart: { attempt: 3, maximum: 5, at, reason: 'CRASHED' } } })
    await fleet.agent.report(id, { state: 'RUNNING' })
    expect(await read()).toEqual({ server: { needsRestart: false, pendingRestart: null } })
  })
})

describe('stored measurements', () => {
  const rows = (id: string) =>
    fleet.api.sql<{ at: Date }>(
      'select m.at from series.server_sample m join series.server k on k.key = m.server_key where k.id = $1 order by m.at',
      [id],
    )

  it('are kept once, in a partition for each day, however many write at once', async () => {
    const id = await installedServer(fleet)
    const other = await installedServer(fleet)
    const days = Array.from({ length: 5 }, (_, index) => new Date(Date.now() - index * 86_400_000))
    await Promise.all([fleet.agent.store(id, ...days), fleet.agent.store(other, ...days), fleet.agent.store(id, ...days.toReversed())])
    expect((await rows(id)).map(({ at }) => at.getTime())).toEqual(days.map((day) => day.getTime()).toReversed())
    expect(await rows(other)).toHaveLength(5)
    // They go with their server.
    await deleteServer(fleet.administrator, id)
    await fleet.agent.report(id, { isRemoved: true, generation: 99 })
    expect(await rows(id)).toEqual([])
    expect(await fleet.api.sql('select count(*)::int as count from series.server_sample')).toEqual([{ count: 5 }])
    expect(await fleet.agent.store(id, new Date())).toBe(1)
    expect(await fleet.api.sql('select count(*)::int as count from series.server')).toEqual([{ count: 1 }])
  })

  it('of absurd times are answered and passed over, and what is only live is not kept', async () => {
    const id = await installedServer(fleet)
    const hour = 3_600_000
    expect(await fleet.agent.store(id, new Date(Date.now() + hour), new Date(Date.now() - 8 * 24 * hour), new Date(0))).toBe(3)
    expect(await rows(id)).toEqual([])
  })
})

describe('a node that leaves', () => {
  const isOnline = async () =>
    (
      await fleet.administrator.query<{ node: { isOnline: boolean } }>('query ($id: ID!) { node(id: $id) { isOnline } }', {
        id: fleet.node.nodeId,
      })
    ).node.isOnline

  it('is shown as away after a clean close, and after a death without a word', async () => {
    const closed = performance.now()
    await fleet.agent.close()
    await expect.poll(isOnline, { timeout: 25_000, interval: 50 }).toBe(false)
    const clean = performance.now() - closed
    // The peer is there and takes nothing: no FIN, no reset.
    const proxy = await startTcpProxy(fleet.api.url)
    fleet.agent = await startFakeAgent(proxy.url, fleet.node)
    expect(await isOnline()).toBe(true)
    proxy.become('silent')
    const died = performance.now()
    await expect.poll(isOnline, { timeout: 150_000, interval: 200 }).toBe(false)
    process.stdout.write(
      `away after a clean close: ${clean.toFixed(0)} ms, after a silent death: ${(performance.now() - died).toFixed(0)} ms\n`,
    )
    await proxy.close()
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
  }, 180_000)
})
