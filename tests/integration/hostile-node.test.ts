import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enrolFakeNode, openAgentSocket, signInFakeNode, type FakeNode } from '../support/agent-socket.ts'
import { fakeSample, startFakeAgent } from '../support/fake-agent.ts'
import { enrolmentToken, installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { mutate } from '../support/scenario.ts'

let fleet: Fleet
let own: string

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25539 })
  own = await installedServer(fleet)
})
afterAll(() => fleet.dispose())

const HELLO = 'mutation ($input: HelloInput!) { hello(input: $input) { acceptedProtocolVersion } }'
const EVENTS = 'mutation ($input: ReportEventsInput!) { reportEvents(input: $input) { accepted } }'
const CONSOLE = 'mutation ($input: PushConsoleInput!) { pushConsole(input: $input) { expected } }'
const SAMPLES = 'mutation ($input: PushSamplesInput!) { pushSamples(input: $input) { accepted } }'

let number = 0
async function newNode(): Promise<FakeNode> {
  number += 1
  return enrolFakeNode(fleet.api.url, await enrolmentToken(fleet.administrator, `hostile-${String(number)}`, 26_000, 26_009))
}

const hello = (change: object = {}) => ({
  agentVersion: 'fake',
  storeId: randomUUID(),
  wallClock: new Date().toISOString(),
  runtime: { name: 'fake', version: '1', cgroupVersion: 1 },
  capacity: { memoryMiB: 4096, cpuPercent: 400, diskMiB: 50_000 },
  ...change,
})

describe('a hello', () => {
  it.each([
    ['memory below nothing', { capacity: { memoryMiB: -1, cpuPercent: 100, diskMiB: 100 } }],
    ['a processor below nothing', { capacity: { memoryMiB: 1, cpuPercent: -100, diskMiB: 100 } }],
    ['a disk below nothing', { capacity: { memoryMiB: 1, cpuPercent: 100, diskMiB: -100 } }],
    ['a store that is none', { storeId: 'x' }],
  ])('with %s is refused', async (_what, change) => {
    const socket = await openAgentSocket(fleet.api.url)
    await signInFakeNode(socket, await newNode())
    await expect(socket.call(HELLO, { input: hello(change) })).rejects.toThrow('INVALID')
    await socket.close()
  })

  it('with texts that a column cannot hold is taken without them', async () => {
    const socket = await openAgentSocket(fleet.api.url)
    const node = await newNode()
    await signInFakeNode(socket, node)
    const input = hello({ agentVersion: 'a\0b', runtime: { name: '\ud800', version: 'x'.repeat(9999), cgroupVersion: 2 } })
    await socket.call(HELLO, { input })
    const [row] = await fleet.api.sql('select "agentVersion", length("runtimeVersion") as length from "Node" where id = $1', [node.nodeId])
    expect(row).toEqual({ agentVersion: 'ab', length: 64 })
    await socket.close()
  })
})

it('has its events taken, whatever is in their texts: one that is refused would come again for ever', async () => {
  // The bound falls into the middle of a character of two units.
  const messages = ['\0', '\ud800 half', `${'x'.repeat(1999)}😀`, '😀'.repeat(3000)]
  const events = messages.map((message, index) => ({
    serverId: own,
    sequence: index + 1,
    at: new Date().toISOString(),
    kind: 'EXITED',
    message,
  }))
  expect(await fleet.agent.call(EVENTS, { input: { events } })).toEqual({ reportEvents: { accepted: 4 } })
})

it('gets one stream of orders on a socket', async () => {
  const socket = await startFakeAgent(fleet.api.url, await newNode())
  await expect(socket.call('subscription { orders { __typename } }')).rejects.toThrow('ORDERS_OPEN')
  await socket.close()
})

it('cannot take the database from others by asking about servers that there are not', async () => {
  const agent = await startFakeAgent(fleet.api.url, await newNode())
  const samples = () => ({ isStored: true, samples: Array.from({ length: 20 }, () => fakeSample(randomUUID(), new Date())) })
  const flood = Promise.allSettled(Array.from({ length: 900 }, () => agent.call(SAMPLES, { input: samples() })))
  const times: number[] = []
  for (let isOver = false; !isOver;) {
    const started = performance.now()
    await fleet.administrator.query('{ serverCounts { count } }')
    times.push(performance.now() - started)
    isOver = await Promise.race([flood.then(() => true), new Promise<false>((resolve) => setTimeout(resolve, 20, false))])
  }
  expect(times.sort((a, b) => a - b)[Math.floor(times.length / 2)]).toBeLessThan(1000)
  await agent.close()
})

it('has nothing measured any more when its key was replaced', async () => {
  const node = await newNode()
  const agent = await startFakeAgent(fleet.api.url, node)
  const { token } = await mutate<{ token: string }>(fleet.administrator, 'createRekeyToken', 'CreateRekeyTokenInput', 'token', {
    nodeId: node.nodeId,
  })
  const fresh = await enrolFakeNode(fleet.api.url, token)
  expect(fresh.nodeId).toBe(node.nodeId)
  await expect(agent.call(SAMPLES, { input: { samples: [], isStored: false } })).rejects.toThrow()
  expect(await agent.closed).toBe(4401)
})

describe('a console', () => {
  const part = (change: object) => ({ kind: 'OUTPUT', runId: 'run', at: new Date().toISOString(), ...change })
  const push = (from: number, parts: object[]) => fleet.agent.call(CONSOLE, { input: { serverId: own, from, parts } })

  it('has actors without control characters', async () => {
    await push(0, [part({ kind: 'INPUT', text: 'list', actor: 'mi\x1b[2J\r\n\u009b2Jra\0\x7f' })])
    const { console } = await fleet.administrator.query<{ console: { nodes: object[] } }>(
      'query ($id: ID!) { console(serverId: $id, after: 0) { nodes { ... on ConsoleChunk { text actor } } } }',
      { id: own },
    )
    expect(console.nodes).toEqual([{ text: 'list', actor: 'mi[2J2Jra' }])
  })

  it('has no position beyond exact numbers: orders tell it, and would fail for every server of the node', async () => {
    const gap = part({ kind: 'GAP', gapBytes: Number.MAX_SAFE_INTEGER })
    await expect(push(0, [gap, gap])).rejects.toThrow('INVALID')
    await expect(push(Number.MAX_SAFE_INTEGER, [part({ text: 'x' })])).rejects.toThrow('INVALID')
    const again = await startFakeAgent(fleet.api.url, fleet.node)
    expect(again.orders).not.toEqual([])
    await again.close()
  })
})
