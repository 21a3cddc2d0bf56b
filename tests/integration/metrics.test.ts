import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enrolFakeNode, openAgentSocket, type FakeNode, type Order } from '../support/agent-socket.ts'
import { startFakeAgent } from '../support/fake-agent.ts'
import { enrolmentToken, installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { deleteServer, mutate } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const PATIENCE = { timeout: 20_000, interval: 100 }

type Band = { minimum: number; average: number; maximum: number }
type Point = { at: string; cpuPercent: Band | null; processCount: Band | null; loadAverage: Band | null; memoryLimitBytes: number | null }
type Series = { stepSeconds: number; from: string; to: string; points: Point[] }

let fleet: Fleet
let serverId: string

beforeAll(async () => {
  fleet = await startFleet()
  serverId = await installedServer(fleet)
})

afterAll(async () => {
  await fleet.dispose()
})

const server = (id: string, at: number, cpuPercent: number) => ({
  serverId: id,
  at: new Date(at).toISOString(),
  cpuPercent,
  memoryBytes: 2 ** 30,
  memoryLimitBytes: 2 ** 31,
  diskBytes: 5,
  diskReadBytesPerSecond: 7,
  diskWriteBytesPerSecond: 9,
  networkRxBytesPerSecond: 11,
  networkTxBytesPerSecond: 13,
  processCount: 3,
})
const machine = (at: number, cpuPercent: number) => ({
  at: new Date(at).toISOString(),
  cpuPercent,
  loadAverage: 1.5,
  memoryBytes: 2 ** 32,
  memoryLimitBytes: 2 ** 33,
  diskBytes: 2 ** 40,
  diskLimitBytes: 2 ** 41,
  diskReadBytesPerSecond: 1,
  diskWriteBytesPerSecond: 2,
  networkRxBytesPerSecond: 3,
  networkTxBytesPerSecond: 4,
  containerCount: 12,
})

const push = (samples: object[], isStored = true) =>
  fleet.agent.call<{ pushSamples: { accepted: number } }>(
    'mutation ($input: PushSamplesInput!) { pushSamples(input: $input) { accepted } }',
    { input: { samples, isStored } },
  )
const PUSH_NODE = 'mutation ($input: PushNodeSamplesInput!) { pushNodeSamples(input: $input) { accepted } }'
const pushNode = (samples: object[], isStored = true) => fleet.agent.call(PUSH_NODE, { input: { samples, isStored } })

const FIELDS = `{ stepSeconds from to points { at memoryLimitBytes
  cpuPercent { minimum average maximum } processCount { minimum average maximum } loadAverage { minimum average maximum } } }`
async function series(root: 'server' | 'node', id: string, from: number, to: number, client: ThirdParty = fleet.administrator) {
  const data = await client.query<{ series: Series | null }>(
    `query ($id: ID!, $from: DateTime!, $to: DateTime!) { series: ${root}Metrics(${root}Id: $id, from: $from, to: $to) ${FIELDS} }`,
    { id, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
  )
  return data.series
}

/** Lets the scheduler run a job of the registry now. */
async function runJob(name: string): Promise<void> {
  const started = await fleet.api.sql<{ at: Date }>('select clock_timestamp() as at')
  await expect
    .poll(async () => {
      await fleet.api.sql('update agenda.agenda_jobs set next_run_at = now() where name = $1 and locked_at is null', [name])
      const [job] = await fleet.api.sql<{ isDone: boolean }>(
        'select last_run_at > $2 and last_finished_at >= last_run_at as "isDone" from agenda.agenda_jobs where name = $1',
        [name, started[0]?.at],
      )
      return job?.isDone
    }, PATIENCE)
    .toBe(true)
}

describe('history of a server', () => {
  // Whole hours of the past, so that buckets are known.
  const hour = Math.floor(Date.now() / HOUR) * HOUR - 3 * HOUR

  it('keeps each moment once, and shows minimum, average, maximum and the gaps', async () => {
    const samples = [10, 20, 60].map((cpu, index) => server(serverId, hour + index * 20_000, cpu))
    const later = server(serverId, hour + 5 * MINUTE, 40)
    await push([...samples, later])
    await push([...samples, { ...later, cpuPercent: 99 }])
    const result = await series('server', serverId, hour, hour + HOUR)
    expect(result).toMatchObject({ stepSeconds: 60, from: new Date(hour).toISOString(), to: new Date(hour + HOUR).toISOString() })
    expect(result?.points).toHaveLength(60)
    expect(result?.points[0]).toEqual({
      at: new Date(hour).toISOString(),
      cpuPercent: { minimum: 10, average: 30, maximum: 60 },
      processCount: { minimum: 3, average: 3, maximum: 3 },
      loadAverage: null,
      memoryLimitBytes: 2 ** 31,
    })
    expect(result?.points[1]).toMatchObject({ cpuPercent: null, memoryLimitBytes: null })
    expect(result?.points[5]?.cpuPercent).toEqual({ minimum: 40, average: 40, maximum: 40 })
  })

  it('rolls up, and again what came late; twice changes nothing', async () => {
    await runJob('metrics: roll up')
    const day = await series('server', serverId, hour - 21 * HOUR, hour + 3 * HOUR)
    expect(day?.stepSeconds).toBe(300)
    const bucket = (result: Series | null, at: number) => result?.points.find((point) => point.at === new Date(at).toISOString())
    expect(bucket(day, hour)?.cpuPercent).toEqual({ minimum: 10, average: 30, maximum: 60 })
    expect(bucket(day, hour + 10 * MINUTE)?.cpuPercent).toBeNull()

    await push([server(serverId, hour + 4 * MINUTE, 130)])
    await runJob('metrics: roll up')
    await runJob('metrics: roll up')
    const again = await series('server', serverId, hour - 21 * HOUR, hour + 3 * HOUR)
    expect(bucket(again, hour)?.cpuPercent).toEqual({ minimum: 10, average: 55, maximum: 130 })

    const rows = await fleet.api.sql<{ count: number; avg: number; max: number }>(
      `select count, cpu_percent_avg as avg, cpu_percent_max as max from series.server_1h
       union all select count, cpu_percent_avg, cpu_percent_max from series.server_1d`,
    )
    // Five samples: 10, 20, 60, 130 and 40.
    expect(rows).toHaveLength(2)
    for (const row of rows) expect(row).toMatchObject({ count: 5, avg: 52, max: 130 })
  })

  it('reads a year from days', async () => {
    const year = await series('server', serverId, Date.now() - 365 * DAY, Date.now())
    expect(year?.stepSeconds).toBe(2 * 86_400)
    expect(year?.points.filter((point) => point.cpuPercent !== null)).toHaveLength(1)
  })

  it('passes over what is too old or from the future', async () => {
    const id = await installedServer(fleet)
    await push([server(id, Date.now() - 8 * DAY, 1), server(id, Date.now() + HOUR, 1)])
    const rows = await fleet.api.sql('select 1 from series.server_sample s join series.server k on k.key = s.server_key where k.id = $1', [
      id,
    ])
    expect(rows).toEqual([])
  })

  it('is null for those who may not see the server', async () => {
    const stranger = await fleet.api.user('stranger')
    expect(await series('server', serverId, hour, hour + HOUR, stranger)).toBeNull()
    expect(await series('server', 'no id', hour, hour + HOUR)).toBeNull()
  })

  it('refuses ranges without sense', async () => {
    await expect(series('server', serverId, hour, hour)).rejects.toThrow('VALIDATION')
    await expect(series('server', serverId, hour - 20 * 365 * DAY, hour)).rejects.toThrow('VALIDATION')
    const tooMany = `query { serverMetrics(serverId: "${serverId}", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z", points: 501) { stepSeconds } }`
    await expect(fleet.administrator.query(tooMany)).rejects.toThrow('VALIDATION')
  })
})

describe('gap', () => {
  type Gap = { from: string; to: string }
  const gaps = async (id: string): Promise<Gap[]> =>
    (
      await fleet.administrator.query<{ serverHistory: { nodes: { gap: Gap }[] } }>(
        'query ($id: ID!) { serverHistory(serverId: $id, filter: { kinds: [METRICS_GAP] }) { nodes { gap { from to } } } }',
        { id },
      )
    ).serverHistory.nodes.map(({ gap }) => gap)
  const gap = (from: number, to: number): Gap => ({ from: new Date(from).toISOString(), to: new Date(to).toISOString() })

  it('is an event when a server ran on without measurements for over two minutes', async () => {
    const id = await installedServer(fleet)
    const start = Date.now() - HOUR
    await fleet.agent.report(id, { state: 'RUNNING', runningSince: new Date(start - MINUTE).toISOString() })
    await push([server(id, start, 1), server(id, start + 2 * MINUTE, 1)])
    expect(await gaps(id)).toEqual([])
    await push([server(id, start + 2 * MINUTE + 121_000, 1)])
    await push([server(id, start + 2 * MINUTE + 121_000, 1)])
    expect(await gaps(id)).toEqual([gap(start + 2 * MINUTE, start + 2 * MINUTE + 121_000)])
  })

  it('is where nothing was measured, not where a clock was wrong', async () => {
    const id = await installedServer(fleet)
    const start = Date.now() - HOUR
    await fleet.agent.report(id, { state: 'RUNNING', runningSince: new Date(start - MINUTE).toISOString() })
    await push([server(id, start, 1)])
    await push([server(id, Date.now() + HOUR, 1)])
    expect(await gaps(id)).toEqual([])
    await push([server(id, start + 5 * MINUTE, 1)])
    expect(await gaps(id)).toEqual([gap(start, start + 5 * MINUTE)])
  })

  it('is none when the server was stopped meanwhile', async () => {
    const id = await installedServer(fleet)
    const start = Date.now() - HOUR
    await push([server(id, start, 1)])
    await fleet.agent.report(id, { state: 'RUNNING', runningSince: new Date(start + 30 * MINUTE).toISOString() })
    await push([server(id, start + 31 * MINUTE, 1)])
    expect(await gaps(id)).toEqual([])
  })
})

describe('node', () => {
  it('has a history of its own', async () => {
    const minute = Math.floor(Date.now() / MINUTE) * MINUTE - 10 * MINUTE
    await pushNode([machine(minute, 100), machine(minute + 30_000, 300)])
    const result = await series('node', fleet.node.nodeId, minute - 50 * MINUTE, minute + 10 * MINUTE)
    expect(result?.points.find((point) => point.at === new Date(minute).toISOString())).toEqual({
      at: new Date(minute).toISOString(),
      cpuPercent: { minimum: 100, average: 200, maximum: 300 },
      loadAverage: { minimum: 1.5, average: 1.5, maximum: 1.5 },
      processCount: null,
      memoryLimitBytes: 2 ** 33,
    })
    await runJob('metrics: roll up')
    const rows = await fleet.api.sql<{ count: number; limit: number }>(
      'select count, disk_limit_bytes_max::float8 as limit from series.node_5m',
    )
    expect(rows).toEqual([{ count: 2, limit: 2 ** 41 }])
  })

  it('tells of a gap in its history, once', async () => {
    const start = Math.floor(Date.now() / MINUTE) * MINUTE - 9 * MINUTE
    await pushNode([machine(start, 1), machine(start + 2 * MINUTE, 1)])
    await pushNode([machine(start + 5 * MINUTE, 1)])
    await pushNode([machine(start + 5 * MINUTE, 1)])
    const { nodeHistory } = await fleet.administrator.query<{ nodeHistory: { nodes: { kind: string; gap: object | null }[] } }>(
      'query ($id: ID!) { nodeHistory(nodeId: $id) { nodes { kind gap { from to } } } }',
      { id: fleet.node.nodeId },
    )
    const gaps = nodeHistory.nodes.filter(({ kind }) => kind === 'METRICS_GAP').map(({ gap }) => gap)
    expect(gaps).toEqual([{ from: new Date(start + 2 * MINUTE).toISOString(), to: new Date(start + 5 * MINUTE).toISOString() }])
  })

  it('is measured every second while somebody watches, and not kept then', async () => {
    const isWatch =
      (isWatched: boolean) =>
      (order: Order): order is Order & { __typename: 'WatchOrder' } =>
        order.__typename === 'WatchOrder' && (order as { isNodeWatched?: boolean }).isNodeWatched === isWatched
    const live = fleet.administrator.iterate<{ nodeMetrics: { cpuPercent: number; containerCount: number } }>(
      'subscription ($id: ID!) { nodeMetrics(nodeId: $id) { cpuPercent containerCount } }',
      { id: fleet.node.nodeId },
    )
    const first = live.next()
    await fleet.agent.order(isWatch(true))
    await pushNode([machine(Date.now(), 77)], false)
    let value = (await first).value
    while (value?.nodeMetrics.cpuPercent !== 77) value = (await live.next()).value
    expect(value.nodeMetrics).toEqual({ cpuPercent: 77, containerCount: 12 })
    expect(await fleet.api.sql('select 1 from series.node_sample where cpu_percent = 77')).toEqual([])
    await live.return()
    const before = fleet.agent.orders.length
    await expect.poll(() => fleet.agent.orders.slice(Math.max(0, before - 1)).some(isWatch(false)), PATIENCE).toBe(true)
  })

  it('is for those who may see nodes, and only an agent that signed in can push it', async () => {
    const user = await fleet.api.user('without-nodes', ['server:read'])
    await expect(series('node', fleet.node.nodeId, Date.now() - HOUR, Date.now(), user)).rejects.toThrow('node:read')
    const watch = user.iterate('subscription ($id: ID!) { nodeMetrics(nodeId: $id) { at } }', { id: fleet.node.nodeId })
    await expect(watch.next()).rejects.toThrow('FORBIDDEN')
    const socket = await openAgentSocket(fleet.api.url)
    await expect(socket.call(PUSH_NODE, { input: { samples: [machine(Date.now(), 1)] } })).rejects.toThrow('UNAUTHENTICATED')
    await socket.close()
    await expect(pushNode(Array.from({ length: 501 }, (_, index) => machine(Date.now() - index, 1)))).rejects.toThrow('TOO_LARGE')
  })
})

describe('live measurements', () => {
  const isOver = async (stream: AsyncGenerator<unknown, void, undefined>) => {
    while ((await stream.next()).done !== true);
  }

  it('end with the server', async () => {
    const id = await installedServer(fleet)
    const live = fleet.administrator.iterate('subscription ($id: ID!) { serverMetrics(serverId: $id) { at } }', { id })
    await push([server(id, Date.now(), 1)], false)
    await live.next()
    await deleteServer(fleet.administrator, id)
    await isOver(live)
  })

  it('end with the node, not with its key', async () => {
    const node = await enrolFakeNode(fleet.api.url, await enrolmentToken(fleet.administrator, 'watched', 26_000, 26_009))
    const measure = async (key: FakeNode, at: number) => {
      const agent = await startFakeAgent(fleet.api.url, { ...key, storeId: node.storeId })
      await agent.call(PUSH_NODE, { input: { samples: [machine(at, 1)], isStored: false } })
      await agent.close()
    }
    const start = Date.now()
    await measure(node, start - 1000)
    const live = fleet.administrator.iterate('subscription ($id: ID!) { nodeMetrics(nodeId: $id) { at } }', { id: node.nodeId })
    await live.next()
    const { token } = await mutate<{ token: string }>(fleet.administrator, 'createRekeyToken', 'CreateRekeyTokenInput', 'token', {
      nodeId: node.nodeId,
    })
    await measure(await enrolFakeNode(fleet.api.url, token), start)
    expect(await live.next()).toMatchObject({ value: { nodeMetrics: { at: new Date(start).toISOString() } } })
    await mutate(fleet.administrator, 'deleteNode', 'DeleteNodeInput', 'deletedNodeId', { id: node.nodeId })
    await isOver(live)
  })
})

describe('retention', () => {
  it('drops the roll-ups of servers and nodes that are gone', async () => {
    const id = await installedServer(fleet)
    const node = await fleet.api.node()
    await fleet.api.sql('insert into series.node (id) values ($1)', [node])
    const time = Date.now() - HOUR
    await push([server(id, time, 1)])
    await fleet.api.sql(
      `insert into series.node_5m select (jsonb_populate_record(null::series.node_5m, to_jsonb(r) || jsonb_build_object('key', k.key))).*
       from (select * from series.node_5m limit 1) r, series.node k where k.id = $1`,
      [node],
    )
    await runJob('metrics: roll up')
    const [gone] = await fleet.api.sql<{ server: number; node: number }>(
      'select s.key as server, n.key as node from series.server s, series.node n where s.id = $1 and n.id = $2',
      [id, node],
    )
    const count = async () => {
      const tables = ['5m', '1h', '1d'].map((step) => `select key from series.server_${step} where key = $1`)
      const rows = await fleet.api.sql(`${tables.join(' union all ')} union all select key from series.node_5m where key = $2`, [
        gone?.server,
        gone?.node,
      ])
      return rows.length
    }
    expect(await count()).toBe(4)
    await mutate(fleet.administrator, 'deleteServer', 'DeleteServerInput', 'deletedServerId', { id, force: true })
    await mutate(fleet.administrator, 'deleteNode', 'DeleteNodeInput', 'deletedNodeId', { id: node })
    await runJob('metrics: retain')
    expect(await count()).toBe(0)
    expect(await fleet.api.sql('select key from series.server_gone union all select key from series.node_gone')).toEqual([])
  })

  it('goes on with nodes where that of servers fails', async () => {
    const [row] = await fleet.api.sql<{ key: number }>('select key from series.node limit 1')
    await fleet.api.sql(
      `insert into series.node_5m select (jsonb_populate_record(null::series.node_5m, to_jsonb(r) || '{"at": "2020-01-01"}')).*
       from series.node_5m r where key = $1 limit 1`,
      [row?.key],
    )
    await fleet.api.sql('alter table series.server_5m rename to server_5m_away')
    try {
      await runJob('metrics: retain')
    } finally {
      await fleet.api.sql('alter table series.server_5m_away rename to server_5m')
    }
    expect(await fleet.api.sql(`select 1 from series.node_5m where at < '2021-01-01'`)).toEqual([])
  })

  it('drops old days and roll-ups, and makes the next days', async () => {
    const old = new Date(Date.now() - 9 * DAY)
    const name = (time: Date) => `server_sample_${time.toISOString().slice(0, 10).replaceAll('-', '_')}`
    const [day, next] = [old, new Date(old.getTime() + DAY)].map((time) => time.toISOString().slice(0, 10))
    await fleet.api.sql(
      `create table series.${name(old)} partition of series.server_sample for values from ('${day ?? ''} 00:00+00') to ('${next ?? ''} 00:00+00')`,
    )
    const [row] = await fleet.api.sql<{ key: number }>('select key from series.server where id = $1', [serverId])
    const copy = (key: number, at: Date) =>
      fleet.api.sql(
        `insert into series.server_5m select (jsonb_populate_record(null::series.server_5m, to_jsonb(r) || jsonb_build_object('key', $1::int, 'at', $2::timestamptz))).*
         from series.server_5m r limit 1`,
        [key, at],
      )
    await copy(row?.key ?? 0, new Date(Date.now() - 91 * DAY))
    await copy(row?.key ?? 0, new Date(Date.now() - 89 * DAY))
    await runJob('metrics: retain')
    const partitions = (
      await fleet.api.sql<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'series.server_sample'::regclass`,
      )
    ).map((partition) => partition.name)
    expect(partitions).not.toContain(`series.${name(old)}`)
    for (const ahead of [0, 1, 2]) expect(partitions).toContain(`series.${name(new Date(Date.now() + ahead * DAY))}`)
    expect(await fleet.api.sql(`select 1 from series.server_5m where at < now() - interval '90 days'`)).toEqual([])
    expect(await fleet.api.sql(`select 1 from series.server_5m where at < now() - interval '88 days'`)).toHaveLength(1)
  })
})
