import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

export type Order =
  | { __typename: 'AssignmentSnapshotOrder'; assignments: FakeAssignment[]; isLast: boolean }
  | { __typename: 'AssignmentOrder'; assignment: FakeAssignment }
  | {
      __typename: 'CommandOrder'
      id: string
      serverId: string
      kind: string
      generation: number
      consoleInput: string | null
      installationId: string | null
    }
  | { __typename: 'WatchOrder'; serverIds: string[] }

export type FakeAssignment = {
  serverId: string
  generation: number
  desiredState: 'RUNNING' | 'STOPPED'
  isRemoved: boolean
  isInstalled: boolean
  isKill: boolean
  consolePosition: number
  spec: {
    name: string
    startup: string[]
    ports: { port: number }[]
    limits: { memoryMiB: number; cpuPercent: number; cpuset: string }
    stop: { command: string | null; signal: string | null; timeoutSeconds: number }
    restart: { policy: string; cleanExitCodes: number[]; maximumRestarts: number; windowSeconds: number }
    bootPolicy: string
  }
}

/** The identity of a fake node: it outlives connections. */
export type FakeNode = { nodeId: string; storeId: string; sign(text: string): string }

const ORDERS = `subscription { orders { __typename
  ... on AssignmentSnapshotOrder { isLast assignments { ...A } }
  ... on AssignmentOrder { assignment { ...A } }
  ... on CommandOrder { id serverId kind generation consoleInput installationId }
  ... on WatchOrder { serverIds isNodeWatched } } }
fragment A on Assignment { serverId generation desiredState isRemoved isInstalled isKill consolePosition spec { name startup ports { port } limits { memoryMiB cpuPercent cpuset }
  stop { command signal timeoutSeconds } restart { policy cleanExitCodes maximumRestarts windowSeconds } bootPolicy } }`

/** A socket of the control channel without any of the agent's own code: what a stranger could send. */
export type AgentSocket = {
  call<T>(document: string, variables?: Record<string, unknown>): Promise<T>
  /** Code with which the api closed it. */
  closed: Promise<number>
  /** @param query the orders, by default as the agent of now reads them */
  subscribe(onOrder: (order: Order) => void, query?: string): void
  close(): Promise<void>
}

export async function openAgentSocket(url: string): Promise<AgentSocket> {
  const sockets: WebSocket[] = []
  const closed = Promise.withResolvers<number>()
  class Socket extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols)
      sockets.push(this)
      this.on('close', closed.resolve)
    }
  }
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/agent`,
    webSocketImpl: Socket,
    lazy: false,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
  })
  await new Promise<void>((resolve, reject) => {
    client.on('connected', () => {
      resolve()
    })
    client.on('closed', () => {
      reject(new Error('the control channel was closed'))
    })
  })
  return {
    closed: closed.promise,
    async call<T>(document: string, variables: Record<string, unknown> = {}) {
      for await (const result of client.iterate<T>({ query: document, variables })) {
        const [error] = result.errors ?? []
        if (error !== undefined) throw new Error(typeof error.extensions?.['code'] === 'string' ? error.extensions['code'] : error.message)
        if (result.data != null) return result.data
      }
      throw new Error('no answer')
    },
    subscribe(onOrder, query = ORDERS) {
      const next = ({ data }: { data?: { orders: Order } | null }) => {
        if (data != null) onOrder(data.orders)
      }
      client.subscribe<{ orders: Order }>({ query }, { next, error: () => undefined, complete: () => undefined })
    },
    async close() {
      await client.dispose()
      for (const socket of sockets) if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close')
    },
  }
}

/** Makes a node of an enrolment token. */
export async function enrolFakeNode(url: string, token: string): Promise<FakeNode> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const socket = await openAgentSocket(url)
  const { enrolNode } = await socket.call<{ enrolNode: { nodeId: string } }>(
    'mutation ($input: EnrolNodeInput!) { enrolNode(input: $input) { nodeId } }',
    {
      input: { token, publicKey: publicKey.export({ format: 'jwk' }).x, agentVersion: 'fake' },
    },
  )
  await socket.close()
  return {
    nodeId: enrolNode.nodeId,
    storeId: randomUUID(),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url'),
  }
}

/** @param protocolVersion what the agent speaks */
export async function signInFakeNode(socket: AgentSocket, node: FakeNode, protocolVersion = 2): Promise<void> {
  const { signInChallenge: challenge } = await socket.call<{
    signInChallenge: { challengeId: string; challenge: string; instanceId: string }
  }>('query ($id: ID!) { signInChallenge(nodeId: $id) { challengeId challenge instanceId } }', { id: node.nodeId })
  const signature = node.sign(
    `catalyst-agent-sign-in\n${challenge.challenge}\n${node.nodeId}\n${String(protocolVersion)}\n${challenge.instanceId}`,
  )
  await socket.call('mutation ($input: SignInInput!) { signIn(input: $input) { sessionId } }', {
    input: { nodeId: node.nodeId, challengeId: challenge.challengeId, signature, protocolVersion },
  })
}

export type Report = Partial<{
  state: string
  generation: number
  sequence: number
  isSettled: boolean
  isRemoved: boolean
  isInstalled: boolean
  problem: { code: string; message: string } | null
  lastExit: { code: number | null; reason: string; at: string } | null
  runningSince: string | null
  restart: { attempt: number; at: string; reason: string } | null
  needsRestart: boolean
}>

export type FakeEvent = { serverId: string; sequence: number; at?: string; kind: string } & Partial<{
  code: number
  reason: string
  message: string
  attempt: number
  nextAt: string
}>

/** A scripted agent in a session: it records orders and says what a test tells it to. */
export type FakeAgent = AgentSocket & {
  readonly orders: readonly Order[]
  /** The first order, past or coming, that is accepted. */
  order<T extends Order>(accept: (order: Order) => order is T): Promise<T>
  report(serverId: string, report: Report): Promise<{ applied: number; ignored: number }>
  /** Answers how many are taken. */
  tell(...events: FakeEvent[]): Promise<number>
  /** One stored measurement at each of these times. */
  store(serverId: string, ...times: Date[]): Promise<number>
  finish(commandId: string, status: string, errorCode?: string): Promise<void>
  install(serverId: string, installationId: string, status: string, log?: string): Promise<void>
  pushConsole(serverId: string, from: number, ...texts: string[]): Promise<{ acknowledged: number; expected: number }>
}

export const fakeSample = (serverId: string, at: Date) => ({
  serverId,
  at: at.toISOString(),
  cpuPercent: 12.5,
  memoryBytes: 1_000_000,
  memoryLimitBytes: 64_000_000,
  diskBytes: 5000,
  networkRxBytesPerSecond: 10,
  networkTxBytesPerSecond: 20,
  processCount: 3,
})

/** Signs in, says hello, takes the snapshot and reports nothing but its being there. */
export async function startFakeAgent(url: string, node: FakeNode): Promise<FakeAgent> {
  const socket = await openAgentSocket(url)
  await signInFakeNode(socket, node)
  const now = () => new Date().toISOString()
  await socket.call('mutation ($input: HelloInput!) { hello(input: $input) { acceptedProtocolVersion } }', {
    input: {
      agentVersion: 'fake',
      storeId: node.storeId,
      wallClock: now(),
      runtime: { name: 'fake', version: '1', cgroupVersion: 1 },
      capacity: { memoryMiB: 4096, cpuPercent: 400, diskMiB: 50_000 },
    },
  })
  const orders: Order[] = []
  const listeners = new Set<(order: Order) => void>()
  const snapshot = Promise.withResolvers<void>()
  socket.subscribe((order) => {
    orders.push(order)
    for (const listener of listeners) listener(order)
    if (order.__typename === 'AssignmentSnapshotOrder' && order.isLast) snapshot.resolve()
  })
  await snapshot.promise
  let sequence = 0
  const heartbeat = setInterval(() => {
    socket
      .call('mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { serverTime } }', { input: { wallClock: now() } })
      .catch(() => undefined)
  }, 4000)
  void socket.closed.then(() => {
    clearInterval(heartbeat)
  })
  const reportAll = (reports: object[]) =>
    socket
      .call<{ reportServers: { applied: number; ignored: number } }>(
        'mutation ($input: ReportServersInput!) { reportServers(input: $input) { applied ignored } }',
        {
          input: { isSnapshot: false, isLast: true, reports },
        },
      )
      .then((data) => data.reportServers)
  await reportAll([])
  return {
    ...socket,
    orders,
    order<T extends Order>(accept: (order: Order) => order is T) {
      const known = orders.find(accept)
      if (known !== undefined) return Promise.resolve(known)
      return new Promise<T>((resolve) => {
        const listener = (order: Order) => {
          if (!accept(order)) return
          listeners.delete(listener)
          resolve(order)
        }
        listeners.add(listener)
      })
    },
    report(serverId, report) {
      sequence += 1
      return reportAll([
        {
          serverId,
          sequence,
          generation: 1,
          observedAt: now(),
          state: 'STOPPED',
          isSettled: false,
          isRemoved: false,
          isInstalled: true,
          ...report,
        },
      ])
    },
    async tell(...events) {
      const { reportEvents } = await socket.call<{ reportEvents: { accepted: number } }>(
        'mutation ($input: ReportEventsInput!) { reportEvents(input: $input) { accepted } }',
        { input: { events: events.map((event) => ({ at: now(), ...event })) } },
      )
      return reportEvents.accepted
    },
    async store(serverId, ...times) {
      const { pushSamples } = await socket.call<{ pushSamples: { accepted: number } }>(
        'mutation ($input: PushSamplesInput!) { pushSamples(input: $input) { accepted } }',
        { input: { isStored: true, samples: times.map((at) => fakeSample(serverId, at)) } },
      )
      return pushSamples.accepted
    },
    async finish(commandId, status, errorCode) {
      await socket.call('mutation ($input: ReportCommandsInput!) { reportCommands(input: $input) { accepted } }', {
        input: { results: [{ commandId, status, errorCode: errorCode ?? null, error: errorCode ?? null }] },
      })
    },
    async install(serverId, installationId, status, log = '') {
      await socket.call('mutation ($input: ReportInstallationInput!) { reportInstallation(input: $input) { logLength } }', {
        input: {
          serverId,
          installationId,
          status,
          step: 'Building the image',
          percent: 50,
          exitCode: status === 'FAILED' ? 3 : null,
          error: status === 'FAILED' ? 'The script ended with code 3.' : null,
          logFrom: 0,
          logText: log,
        },
      })
    },
    async pushConsole(serverId, from, ...texts) {
      const parts = texts.map((text) => ({ kind: 'OUTPUT', runId: 'run', at: now(), text }))
      const { pushConsole } = await socket.call<{ pushConsole: { acknowledged: number; expected: number } }>(
        'mutation ($input: PushConsoleInput!) { pushConsole(input: $input) { acknowledged expected } }',
        { input: { serverId, from, parts } },
      )
      return pushConsole
    },
  }
}

/** Order of a command of a kind for a server. */
export const isCommand =
  (kind: string, serverId: string) =>
  (order: Order): order is Order & { __typename: 'CommandOrder' } =>
    order.__typename === 'CommandOrder' && order.kind === kind && order.serverId === serverId

/** Order of an assignment with at least this generation. */
export const isAssignment =
  (serverId: string, generation: number) =>
  (order: Order): order is Order & { __typename: 'AssignmentOrder' } =>
    order.__typename === 'AssignmentOrder' && order.assignment.serverId === serverId && order.assignment.generation >= generation
