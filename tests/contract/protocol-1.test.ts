import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { buildSchema, Kind, parse, print, separateOperations, validate } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAgentSocket, type AgentSocket, type Order } from '../support/agent-socket.ts'
import { startApi, type TestApi } from '../support/api.ts'
import { isAssignment, isCommand } from '../support/fake-agent.ts'
import { enrolmentToken, smallServer } from '../support/fake-fleet.ts'
import { createServer, importTestTemplate, power, sendConsoleCommand } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'

const SCHEMA = path.resolve(import.meta.dirname, '../../schema')
/** What was sent by agents of that version, word for word. */
const documents = parse(readFileSync(path.join(SCHEMA, 'released/agent-1.documents.graphql'), 'utf8'))
const operations = new Map(Object.entries(separateOperations(documents)).map(([name, document]) => [name, print(document)]))

it('the documents of version 1 are valid today', () => {
  const schema = buildSchema(readFileSync(path.join(SCHEMA, 'agent.graphql'), 'utf8'))
  expect(validate(schema, documents)).toEqual([])
  expect(documents.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)).toHaveLength(11)
})

describe('an agent of version 1', () => {
  let api: TestApi
  let administrator: ThirdParty
  let socket: AgentSocket
  const used = new Set<string>()
  const orders: Order[] = []
  const now = () => new Date().toISOString()

  const call = <T>(name: string, variables: Record<string, unknown>) => {
    used.add(name)
    return socket.call<T>(operations.get(name) ?? '', variables)
  }
  const order = async <T extends Order>(accept: (order: Order) => order is T): Promise<T> => {
    await expect.poll(() => orders.some(accept), { timeout: 10_000 }).toBe(true)
    return orders.find(accept)!
  }
  let sequence = 0
  const report = (serverId: string, state: string, generation: number, more: object = {}) => {
    sequence += 1
    return call<{ reportServers: { applied: number } }>('ReportServers', {
      input: {
        isSnapshot: false,
        isLast: true,
        reports: [
          {
            serverId,
            sequence,
            generation,
            observedAt: now(),
            state,
            isSettled: false,
            isRemoved: false,
            isInstalled: true,
            problem: null,
            lastExit: null,
            runId: null,
            runningSince: null,
            ...more,
          },
        ],
      },
    })
  }

  beforeAll(async () => {
    api = await startApi()
    administrator = await api.administrator()
  })
  afterAll(async () => {
    await socket.close()
    await api.dispose()
  })

  it('enrols, signs in and is shown as there', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    socket = await openAgentSocket(api.url)
    const token = await enrolmentToken(administrator, 'old', 25500, 25509)
    const { enrolNode } = await call<{ enrolNode: { nodeId: string } }>('EnrolNode', {
      input: { token, publicKey: publicKey.export({ format: 'jwk' }).x, agentVersion: '0.1.0' },
    })
    const { nodeId } = enrolNode
    const { signInChallenge } = await call<{ signInChallenge: { challengeId: string; challenge: string; instanceId: string } }>(
      'SignInChallenge',
      { nodeId },
    )
    const text = `catalyst-agent-sign-in\n${signInChallenge.challenge}\n${nodeId}\n1\n${signInChallenge.instanceId}`
    const signature = sign(null, Buffer.from(text), privateKey).toString('base64url')
    await call('SignIn', { input: { nodeId, challengeId: signInChallenge.challengeId, signature, protocolVersion: 1 } })
    const { hello } = await call<{ hello: { acceptedProtocolVersion: number } }>('Hello', {
      input: {
        agentVersion: '0.1.0',
        storeId: randomUUID(),
        wallClock: now(),
        runtime: { name: 'containerd', version: '1.6.20', cgroupVersion: 1 },
        capacity: { memoryMiB: 4096, cpuPercent: 400, diskMiB: 50_000 },
      },
    })
    expect(hello.acceptedProtocolVersion).toBe(1)
    used.add('Orders')
    socket.subscribe((next) => orders.push(next), operations.get('Orders'))
    await expect.poll(() => orders.some((next) => next.__typename === 'AssignmentSnapshotOrder' && next.isLast)).toBe(true)
    await call('ReportServers', { input: { isSnapshot: true, isLast: true, reports: [] } })
    await call('Heartbeat', { input: { wallClock: now() } })
    const { nodes } = await administrator.query<{ nodes: { nodes: { isOnline: boolean; agentVersion: string }[] } }>(
      '{ nodes { nodes { isOnline agentVersion } } }',
    )
    expect(nodes.nodes).toEqual([{ isOnline: true, agentVersion: '0.1.0' }])
  })

  it('installs, runs, talks, is measured and stops a server', async () => {
    const id = await createServer(administrator, smallServer({ templateId: await importTestTemplate(administrator, 'printer') }))
    const install = await order(isCommand('INSTALL', id))
    const progress = {
      serverId: id,
      installationId: install.id,
      step: null,
      percent: null,
      exitCode: 0,
      error: null,
      logFrom: 0,
      logText: 'ok\n',
    }
    await call('ReportInstallation', { input: { ...progress, status: 'SUCCEEDED' } })
    await call('ReportCommands', { input: { results: [{ commandId: install.id, status: 'DONE', errorCode: null, error: null }] } })
    await power(administrator, 'start', id)
    const { assignment } = await order(isAssignment(id, 2))
    expect(assignment).toMatchObject({ desiredState: 'RUNNING', isInstalled: true, generation: 2 })
    await report(id, 'RUNNING', 2, { runningSince: now(), runId: 'run' })
    expect(await fetchServer(administrator, id)).toMatchObject({ status: 'RUNNING' })

    const parts = [{ kind: 'OUTPUT', runId: 'run', at: now(), text: 'hello\n', base64: null, actor: null, gapBytes: null, gapReason: null }]
    expect(await call('PushConsole', { input: { serverId: id, from: 0, parts } })).toEqual({
      pushConsole: { acknowledged: 6, expected: 6 },
    })
    const typed = sendConsoleCommand(administrator, id, 'status')
    const input = await order(isCommand('CONSOLE_INPUT', id))
    await call('ReportCommands', { input: { results: [{ commandId: input.id, status: 'DONE', errorCode: null, error: null }] } })
    expect(await typed).toBe('DONE')

    const sample = {
      serverId: id,
      at: now(),
      cpuPercent: 12.5,
      memoryBytes: 1,
      memoryLimitBytes: 2,
      diskBytes: 3,
      networkRxBytesPerSecond: 4,
      networkTxBytesPerSecond: 5,
      processCount: 6,
    }
    expect(await call('PushSamples', { input: { samples: [sample] } })).toEqual({ pushSamples: { accepted: 1 } })
    expect(await administrator.query('query ($id: ID!) { server(id: $id) { metrics { cpuPercent processCount } } }', { id })).toEqual({
      server: { metrics: { cpuPercent: 12.5, processCount: 6 } },
    })

    await power(administrator, 'stop', id)
    await order(isAssignment(id, 3))
    await report(id, 'STOPPED', 3, { lastExit: { code: 0, reason: 'STOPPED', at: now() } })
    expect(await fetchServer(administrator, id)).toMatchObject({ status: 'STOPPED', lastExit: { code: 0, reason: 'STOPPED' } })
    // It tells no events: its reports make the history.
    const { serverHistory } = await administrator.query<{ serverHistory: { nodes: { kind: string; code: number | null }[] } }>(
      'query ($id: ID!) { serverHistory(serverId: $id, first: 2) { nodes { kind code } } }',
      { id },
    )
    expect(serverHistory.nodes).toEqual([
      { kind: 'EXITED', code: 0 },
      { kind: 'STOP', code: null },
    ])
    const waiting = await api.sql("select status from \"Command\" where status in ('PENDING', 'SENT')")
    expect(waiting).toEqual([])
  })

  it('has sent every document of its version', () => {
    expect([...used].sort()).toEqual([...operations.keys()].sort())
  })
})
