import { openAgentSocket, signInFakeNode, type AgentSocket, type FakeNode, type Order } from './agent-socket.ts'

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
