import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enrolFakeNode, type FakeNode } from '../support/agent-socket.ts'
import { startApi, type TestApi } from '../support/api.ts'
import { startFakeAgent } from '../support/fake-agent.ts'
import { enrolmentToken } from '../support/fake-fleet.ts'
import { createServer, importTestTemplate } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

let api: TestApi
let administrator: ThirdParty

beforeAll(async () => {
  api = await startApi()
  administrator = await api.administrator()
})
afterAll(() => api.dispose())

const newNode = async (name: string): Promise<FakeNode> => enrolFakeNode(api.url, await enrolmentToken(administrator, name, 25_500, 25_509))

describe('the clock of a node', () => {
  it('is told when it is off by more than five seconds, once', async () => {
    const node = await newNode('clock')
    const agent = await startFakeAgent(api.url, node)
    const offset = async () => {
      const data = await administrator.query<{ node: { clockOffsetSeconds: number } }>(
        'query ($id: ID!) { node(id: $id) { clockOffsetSeconds } }',
        { id: node.nodeId },
      )
      return Math.round(data.node.clockOffsetSeconds)
    }
    /** A heartbeat is answered at once and stored afterwards. */
    const beat = async (seconds: number) => {
      const wallClock = new Date(Date.now() + seconds * 1000).toISOString()
      await agent.call('mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { serverTime } }', { input: { wallClock } })
      await expect.poll(offset).toBe(seconds)
    }
    for (const seconds of [1, 3600, 3601, -1, -90]) await beat(seconds)
    const off = await api.sql<{ data: { offsetSeconds: number } }>(
      `select data from "NodeEvent" where "nodeId" = $1 and kind = 'CLOCK_OFF' order by id`,
      [node.nodeId],
    )
    expect(off.map(({ data }) => Math.round(data.offsetSeconds))).toEqual([3600, -90])
    // More than the column can hold is as far off as it can say.
    await agent.call('mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { serverTime } }', {
      input: { wallClock: '9000-01-01T00:00:00.000Z' },
    })
    await expect.poll(offset).toBe(2_147_484)
    await agent.close()
  })
})

it('takes many messages of a node at once without a deadlock', async () => {
  const deadlocks = async () => {
    await api.sql('select pg_stat_force_next_flush()')
    const [row] = await api.sql<{ deadlocks: number }>('select deadlocks::int from pg_stat_database where datname = current_database()')
    return row?.deadlocks
  }
  const before = await deadlocks()
  const node = await newNode('many')
  const agent = await startFakeAgent(api.url, node)
  const beat = () =>
    agent.call('mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { serverTime } }', {
      input: { wallClock: new Date().toISOString() },
    })
  await Promise.all(Array.from({ length: 30 }, beat))
  // Sessions that ended tell what they counted.
  await agent.close()
  await api.restart()
  administrator = await api.administrator()
  expect(await deadlocks()).toBe(before)
})

it('shows what the servers of a node use, from their newest measurements, while it is there', async () => {
  const node = await newNode('used')
  const agent = await startFakeAgent(api.url, node)
  const templateId = await importTestTemplate(administrator, 'printer')
  const server = { templateId, nodeId: node.nodeId, memoryMiB: 64, cpuPercent: 10, diskMiB: 64 }
  const ids = [await createServer(administrator, { ...server, name: 'One' }), await createServer(administrator, { ...server, name: 'Two' })]
  const samples = ids.map((serverId) => ({
    serverId,
    at: new Date().toISOString(),
    cpuPercent: 5.5,
    memoryBytes: 1000,
    memoryLimitBytes: 2000,
    diskBytes: 300,
    networkRxBytesPerSecond: 0,
    networkTxBytesPerSecond: 0,
    processCount: 1,
  }))
  await agent.call('mutation ($input: PushSamplesInput!) { pushSamples(input: $input) { accepted } }', { input: { samples } })
  await agent.report(ids[0]!, { state: 'RUNNING' })
  const shown = async () =>
    (
      await administrator.query<{ node: object }>(
        `query ($id: ID!) { node(id: $id) { used { memoryBytes cpuPercent diskBytes } allocated { memoryMiB } serverCount runningServerCount
          allocationCount freeAllocationCount runtime { name cgroupVersion } } }`,
        { id: node.nodeId },
      )
    ).node
  expect(await shown()).toEqual({
    used: { memoryBytes: 2000, cpuPercent: 11, diskBytes: 600 },
    allocated: { memoryMiB: 128 },
    serverCount: 2,
    runningServerCount: 1,
    allocationCount: 10,
    freeAllocationCount: 10,
    runtime: { name: 'fake', cgroupVersion: 1 },
  })
  await agent.close()
  await expect.poll(shown).toMatchObject({ used: null, serverCount: 2 })
})
