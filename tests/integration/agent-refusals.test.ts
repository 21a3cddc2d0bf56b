import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { buildSchema } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { enrolFakeNode, openAgentSocket, signInFakeNode, type FakeNode } from '../support/agent-socket.ts'
import { fakeSample, isCommand, startFakeAgent, type FakeAgent } from '../support/fake-agent.ts'
import { enrolmentToken, installedServer, smallServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { createServer, power } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'

let fleet: Fleet
let stranger: FakeAgent
let strangerNode: FakeNode
/** Of the first node; the stranger is another one. */
let serverId: string
let installationId: string

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25539 })
  strangerNode = await enrolFakeNode(fleet.api.url, await enrolmentToken(fleet.administrator, 'stranger', 26000, 26009))
  stranger = await startFakeAgent(fleet.api.url, strangerNode)
  serverId = await createServer(fleet.administrator, smallServer(fleet, { nodeId: fleet.node.nodeId }))
  installationId = (await fleet.agent.order(isCommand('INSTALL', serverId))).id
})

afterAll(async () => {
  await stranger.close()
  await fleet.dispose()
})

const at = () => new Date().toISOString()
const report = (id: string, more: object = {}) => ({
  serverId: id,
  sequence: 999,
  generation: 99,
  observedAt: at(),
  state: 'RUNNING',
  isSettled: false,
  isRemoved: true,
  isInstalled: true,
  ...more,
})

type Attempt = { document: string; input: () => unknown; answer: string | object }

/** Every root field of the control channel, driven by a node with what belongs to another. A new field must come here. */
const FIELDS: Record<string, Attempt | 'names nothing of another node' | 'before sign-in'> = {
  'Query.signInChallenge': 'before sign-in',
  'Mutation.enrolNode': 'before sign-in',
  'Mutation.signIn': 'before sign-in',
  'Mutation.hello': 'names nothing of another node',
  'Mutation.heartbeat': 'names nothing of another node',
  'Mutation.reportServers': {
    document: 'mutation ($input: ReportServersInput!) { reportServers(input: $input) { applied } }',
    input: () => ({ isSnapshot: false, isLast: true, reports: [report(serverId)] }),
    answer: 'FORBIDDEN',
  },
  'Mutation.reportEvents': {
    document: 'mutation ($input: ReportEventsInput!) { reportEvents(input: $input) { accepted } }',
    input: () => ({ events: [{ serverId, sequence: 1, at: at(), kind: 'EXITED', code: 1, reason: 'CRASHED' }] }),
    answer: 'FORBIDDEN',
  },
  'Mutation.reportCommands': {
    document: 'mutation ($input: ReportCommandsInput!) { reportCommands(input: $input) { accepted } }',
    input: () => ({ results: [{ commandId: installationId, status: 'FAILED', errorCode: 'LIE', error: 'a lie' }] }),
    // It names commands, and ends none.
    answer: { reportCommands: { accepted: 0 } },
  },
  'Mutation.reportInstallation': {
    document: 'mutation ($input: ReportInstallationInput!) { reportInstallation(input: $input) { logLength } }',
    input: () => ({ serverId, installationId, status: 'FAILED', logFrom: 0, logText: 'a lie' }),
    answer: 'FORBIDDEN',
  },
  'Mutation.pushConsole': {
    document: 'mutation ($input: PushConsoleInput!) { pushConsole(input: $input) { expected } }',
    input: () => ({ serverId, from: 0, parts: [{ kind: 'OUTPUT', runId: 'r', at: at(), text: 'a lie\n' }] }),
    answer: 'FORBIDDEN',
  },
  'Mutation.pushSamples': {
    document: 'mutation ($input: PushSamplesInput!) { pushSamples(input: $input) { accepted } }',
    input: () => ({ isStored: true, samples: [fakeSample(serverId, new Date())] }),
    answer: 'FORBIDDEN',
  },
  'Mutation.pushNodeSamples': 'names nothing of another node',
  'Subscription.orders': 'names nothing of another node',
}

describe('a node’s key', () => {
  it('every field of the schema is in the table', () => {
    const schema = buildSchema(readFileSync(path.resolve(import.meta.dirname, '../../schema/agent.graphql'), 'utf8'))
    const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((root) =>
      Object.keys(root?.getFields() ?? {}).map((name) => `${root?.name ?? ''}.${name}`),
    )
    expect(Object.keys(FIELDS).sort()).toEqual(fields.sort())
  })

  const attempts = Object.entries(FIELDS).flatMap(([name, attempt]) => (typeof attempt === 'string' ? [] : [[name, attempt] as const]))

  it.each(attempts)('cannot use %s for a server of another node', async (_name, { document, input, answer }) => {
    const attempt = stranger.call(document, { input: input() })
    if (typeof answer === 'string') await expect(attempt).rejects.toThrow(answer)
    else expect(await attempt).toEqual(answer)
    expect(await fetchServer(fleet.administrator, serverId)).toMatchObject({
      state: 'STOPPED',
      activity: 'INSTALLING',
      problem: null,
      lastExit: null,
    })
    const [written] = await fleet.api.sql<Record<string, number>>(
      `select (select count(*)::int from "ServerEvent" where "serverId" = $1 and kind <> 'CREATED') as events,
        (select count(*)::int from "ConsoleSegment" where "serverId" = $1) as segments,
        (select length(log) from "Installation" where "serverId" = $1) as log,
        (select count(*)::int from series.server where id = $1) as measured,
        (select count(*)::int from "Command" where "serverId" = $1 and status not in ('PENDING', 'SENT')) as ended`,
      [serverId],
    )
    expect(written).toEqual({ events: 0, segments: 0, log: 0, measured: 0, ended: 0 })
  })

  it('counts nothing of a message that names one foreign server among its own', async () => {
    const own = await createServer(fleet.administrator, smallServer(fleet, { nodeId: strangerNode.nodeId }))
    await stranger.order(isCommand('INSTALL', own))
    const reports = [report(own, { isRemoved: false, sequence: 1 }), report(serverId)]
    await expect(
      stranger.call('mutation ($input: ReportServersInput!) { reportServers(input: $input) { applied } }', {
        input: { isSnapshot: false, isLast: true, reports },
      }),
    ).rejects.toThrow('FORBIDDEN')
    expect(await fetchServer(fleet.administrator, own)).toMatchObject({ state: 'STOPPED' })
    await expect(
      stranger.tell({ serverId: own, sequence: 1, kind: 'STARTED' }, { serverId, sequence: 2, kind: 'STARTED' }),
    ).rejects.toThrow('FORBIDDEN')
    expect(await fleet.api.sql(`select 1 from "ServerEvent" where kind = 'STARTED'`)).toEqual([])
  })

  it('cannot confirm that a server of another node is gone', async () => {
    const id = await installedServer(fleet)
    await fleet.agent.close()
    await fleet.administrator.query('mutation ($input: DeleteServerInput!) { deleteServer(input: $input) { __typename } }', {
      input: { id, force: true },
    })
    await expect(stranger.report(id, { isRemoved: true })).rejects.toThrow('FORBIDDEN')
    expect(await fleet.api.sql('select 1 from "ServerTombstone"')).toHaveLength(1)
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
  })
})

describe('a hostile node', () => {
  const HELLO = 'mutation ($input: HelloInput!) { hello(input: $input) { acceptedProtocolVersion } }'

  it('changes nothing by replays, by old sequences and by generations that never were', async () => {
    const id = await installedServer(fleet)
    await power(fleet.administrator, 'start', id)
    await fleet.agent.report(id, { state: 'RUNNING', generation: 2, sequence: 10 })
    await power(fleet.administrator, 'stop', id)
    const replays = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        fleet.agent.report(id, { state: 'CRASHED', isSettled: true, generation: 2, sequence: index % 11 }),
      ),
    )
    expect(replays.every(({ applied }) => applied === 0)).toBe(true)
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ state: 'RUNNING', desiredState: 'STOPPED' })
    await fleet.agent.finish(randomUUID(), 'DONE')
    await fleet.agent.finish('not an id', 'DONE')
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ state: 'RUNNING' })
  })

  it.each([
    ['an endless text', () => ({ problem: { code: 'X'.repeat(5000), message: 'y'.repeat(200_000) } }), 'RUNNING'],
    ['NUL characters', () => ({ problem: { code: 'A\0B', message: '\0' } }), 'RUNNING'],
    ['half a character', () => ({ problem: { code: 'HALF', message: '\ud800' } }), 'RUNNING'],
  ])('is taken with %s, cut to what is bearable', async (_what, more, state) => {
    const id = await installedServer(fleet)
    expect(await fleet.agent.report(id, { state: 'RUNNING', ...more() })).toEqual({ applied: 1, ignored: 0 })
    const server = await fetchServer(fleet.administrator, id)
    expect(server?.state).toBe(state)
    expect(server?.problem?.code.length).toBeLessThanOrEqual(64)
  })

  it.each([
    ['an impossible time', { observedAt: '+275760-09-13T00:00:00.000Z' }],
    ['a time before time', { observedAt: '-000001-01-01T00:00:00.000Z' }],
    ['a broken sequence', { sequence: -1 }],
    ['a sequence beyond numbers', { sequence: 2 ** 60 }],
    ['an unknown state', { state: 'FLYING' }],
    ['an id that is none', { serverId: "'; drop table" }],
  ])('is refused with %s', async (_what, more) => {
    const reports = [report(serverId, { isRemoved: false, ...more })]
    const attempt = fleet.agent.call('mutation ($input: ReportServersInput!) { reportServers(input: $input) { applied } }', {
      input: { isSnapshot: false, isLast: true, reports },
    })
    await expect(attempt).rejects.toThrow()
    await expect(attempt).rejects.not.toThrow('INTERNAL')
  })

  it('is refused with more entries than a message may have', async () => {
    await expect(
      fleet.agent.tell(...Array.from({ length: 201 }, (_, sequence) => ({ serverId, sequence, kind: 'STARTED' }))),
    ).rejects.toThrow('TOO_LARGE')
    await expect(fleet.agent.store(serverId, ...Array.from({ length: 1001 }, () => new Date()))).rejects.toThrow('TOO_LARGE')
  })

  it('loses its connection over a huge message, garbage and too many questions at once', async () => {
    const open = async () => {
      const socket = new WebSocket(`${fleet.api.url.replace('http', 'ws')}/agent`, 'graphql-transport-ws')
      await once(socket, 'open')
      return socket
    }
    const codeOf = async (say: (socket: WebSocket) => void) => {
      const socket = await open()
      socket.on('error', () => undefined)
      const closed = once(socket, 'close')
      say(socket)
      return ((await closed) as [number])[0]
    }
    expect(
      await codeOf((socket) => {
        socket.send('x'.repeat(2 ** 20 + 1))
      }),
    ).toBe(1009)
    expect(
      await codeOf((socket) => {
        socket.send('no json')
      }),
    ).toBe(4400)
    expect(
      await codeOf((socket) => {
        socket.send(Buffer.alloc(64, 0xff))
      }),
    ).toBe(4400)
    const many = await codeOf((socket) => {
      socket.send('{"type":"connection_init"}')
      socket.once('message', () => {
        const query = 'query ($id: ID!) { signInChallenge(nodeId: $id) { challenge } }'
        for (let id = 0; id < 100; id += 1)
          socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query, variables: { id: randomUUID() } } }))
      })
    })
    expect(many).toBe(4429)
    // Everybody else goes on.
    expect(await fetchServer(fleet.administrator, serverId)).not.toBeNull()
  })

  it('that says hello again and again, and nothing else, is never shown as there', async () => {
    const node = await enrolFakeNode(fleet.api.url, await enrolmentToken(fleet.administrator, 'greeter', 27000, 27001))
    const socket = await openAgentSocket(fleet.api.url)
    await signInFakeNode(socket, node)
    const input = {
      agentVersion: 'x'.repeat(100_000),
      storeId: node.storeId,
      wallClock: at(),
      runtime: { name: 'n\0'.repeat(1000), version: '1', cgroupVersion: 1 },
      capacity: { memoryMiB: 1, cpuPercent: 1, diskMiB: 1 },
    }
    for (let time = 0; time < 20; time += 1) await socket.call(HELLO, { input })
    await expect(socket.call(HELLO, { input: { ...input, storeId: 'none' } })).rejects.toThrow('INVALID')
    const { nodes } = await fleet.administrator.query<{ nodes: { nodes: { name: string; isOnline: boolean }[] } }>(
      '{ nodes { nodes { name isOnline } } }',
    )
    expect(nodes.nodes.find(({ name }) => name === 'greeter')).toEqual({ name: 'greeter', isOnline: false })
    await socket.close()
  })
})
