import { createPublicKey, randomUUID, verify } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { buildSchema, GraphQLError } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer, type WebSocket } from 'ws'
import type {
  FakeApi,
  FakeAssignment,
  FakeCommand,
  FakeOrder,
  SeenEvent,
  SeenInstallation,
  SeenPart,
  SeenReport,
  SeenResult,
  SeenSample,
} from './fake-api-types.ts'
import { createFakeConsoles } from './fake-consoles.ts'

const SCHEMA = buildSchema(readFileSync(path.join(import.meta.dirname, '../../schema/agent.graphql'), 'utf8'))
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const INSTANCE = randomUUID()
const TOKEN = 'token-of-the-test'

export async function startFakeApi(): Promise<FakeApi> {
  const assignments = new Map<string, FakeAssignment>()
  const commands = new Map<string, FakeCommand>()
  const logs = new Map<string, string>()
  const reports: SeenReport[] = []
  const results: SeenResult[] = []
  const installations: SeenInstallation[] = []
  const samples: SeenSample[] = []
  const storedSamples: SeenSample[] = []
  const nodeSamples: { at: string }[] = []
  const storedNodeSamples: { at: string }[] = []
  const events: SeenEvent[] = []
  let isAway = false
  let clockAhead = 0
  const serverTime = () => new Date(Date.now() + clockAhead).toISOString()
  const storeIds: string[] = []
  const breaches: string[] = []
  const consoles = createFakeConsoles(breaches)
  let watched: readonly string[] = []
  let isNodeWatched = false
  let publicKey: string | null = null
  let sessions = 0
  let lostAnswer: string | null = null
  const nodeId = randomUUID()
  const sockets = new Set<WebSocket>()
  let send: ((order: FakeOrder) => void) | null = null

  const withPosition = (assignment: FakeAssignment): FakeAssignment => ({
    ...assignment,
    consolePosition: consoles.of(assignment.serverId).durable,
  })
  const toOrder = (command: FakeCommand): FakeOrder => ({ __typename: 'CommandOrder', ...command })
  const cut = () => {
    for (const socket of sockets) socket.terminate()
  }

  /** Order and identity of what one socket may do. */
  type Session = { socket: WebSocket; challenge: string | null; isSignedIn: boolean; hasHello: boolean }
  const contexts = new WeakMap<WebSocket, Session>()

  const guard = (session: Session) => {
    if (!session.isSignedIn || !session.hasHello) {
      breaches.push('spoke before sign-in and hello')
      throw new GraphQLError('Sign in first.', { extensions: { code: 'UNAUTHENTICATED' } })
    }
  }

  type Resolver<Input> = (args: { input: Input }, session: Session) => unknown
  const after = <Input>(name: string, work: Resolver<Input>): Resolver<Input> => {
    return (args, session) => {
      guard(session)
      const answer = work(args, session)
      if (lostAnswer !== name) return answer
      lostAnswer = null
      cut()
      return new Promise(() => undefined)
    }
  }

  async function* orders(_args: unknown, session: Session): AsyncGenerator<{ orders: FakeOrder }> {
    guard(session)
    const queue: FakeOrder[] = []
    let wake = () => undefined as void
    const ended = once(session.socket, 'close').then(() => {
      wake()
    })
    send = (order) => {
      queue.push(order)
      wake()
    }
    queue.push({ __typename: 'AssignmentSnapshotOrder', assignments: [...assignments.values()].map(withPosition), isLast: true })
    queue.push(...[...commands.values()].map(toOrder), { __typename: 'WatchOrder', serverIds: watched, isNodeWatched })
    while (session.socket.readyState === session.socket.OPEN) {
      const order = queue.shift()
      if (order !== undefined) yield { orders: order }
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
    await ended
  }

  const query = {
    signInChallenge(_args: unknown, session: Session) {
      session.challenge = randomUUID()
      return { challengeId: '1', challenge: session.challenge, instanceId: INSTANCE, protocolVersion: 2 }
    },
  }
  const mutation = {
    enrolNode({ input }: { input: { token: string; publicKey: string } }) {
      if (input.token !== TOKEN || (publicKey !== null && publicKey !== input.publicKey))
        throw new GraphQLError('The token is not usable.', { extensions: { code: 'ENROLMENT_REFUSED' } })
      publicKey = input.publicKey
      return { nodeId, nodeName: 'node', instanceId: INSTANCE }
    },
    signIn({ input }: { input: { nodeId: string; signature: string; protocolVersion: number } }, session: Session) {
      const text = `catalyst-agent-sign-in\n${session.challenge ?? ''}\n${input.nodeId}\n2\n${INSTANCE}`
      const raw = Buffer.from(publicKey ?? '', 'base64url')
      const key = createPublicKey({ key: Buffer.concat([ED25519_PREFIX, raw]), format: 'der', type: 'spki' })
      session.isSignedIn =
        session.challenge !== null &&
        input.nodeId === nodeId &&
        verify(null, Buffer.from(text), key, Buffer.from(input.signature, 'base64url'))
      session.challenge = null
      if (!session.isSignedIn) {
        breaches.push('signed wrongly')
        throw new GraphQLError('Refused.', { extensions: { code: 'SIGN_IN_REFUSED' } })
      }
      for (const socket of sockets) if (socket !== session.socket) socket.close(4409)
      sessions += 1
      return { sessionId: randomUUID(), heartbeatSeconds: 1, sampleSeconds: 2, serverTime: serverTime() }
    },
    hello({ input }: { input: { storeId: string } }, session: Session) {
      session.hasHello = session.isSignedIn
      storeIds.push(input.storeId)
      return { acceptedProtocolVersion: 2 }
    },
    heartbeat: after('heartbeat', () => ({ serverTime: serverTime() })),
    reportServers: after<{ reports: SeenReport[] }>('reportServers', ({ input }) => {
      for (const report of input.reports) {
        reports.push(report)
        if (report.isRemoved) assignments.delete(report.serverId)
      }
      return { applied: input.reports.length, ignored: 0 }
    }),
    reportCommands: after<{ results: SeenResult[] }>('reportCommands', ({ input }) => {
      for (const result of input.results) {
        results.push(result)
        commands.delete(result.commandId)
      }
      return { accepted: input.results.length }
    }),
    reportInstallation: after<SeenInstallation>('reportInstallation', ({ input }) => {
      installations.push(input)
      const log = logs.get(input.installationId) ?? ''
      if (input.logFrom > log.length) breaches.push('a hole in an install log')
      logs.set(input.installationId, log + input.logText.slice(log.length - input.logFrom))
      return { logLength: logs.get(input.installationId)?.length ?? 0 }
    }),
    pushConsole: after<{ serverId: string; from: number; parts: SeenPart[] }>('pushConsole', ({ input }) => {
      if (!assignments.has(input.serverId)) {
        breaches.push('a console of no server')
        throw new GraphQLError('Not yours.', { extensions: { code: 'FORBIDDEN' } })
      }
      return consoles.ingest(input.serverId, input.from, input.parts)
    }),
    reportEvents: after<{ events: SeenEvent[] }>('reportEvents', ({ input }) => {
      if (input.events.length > 200) breaches.push('too many events in one message')
      for (const event of input.events) {
        if (!assignments.has(event.serverId)) breaches.push('an event of no server')
        const last = events.at(-1)?.sequence ?? 0
        if (event.sequence > last) events.push(event)
        else if (!events.some(({ sequence }) => sequence === event.sequence)) breaches.push('an event out of order')
      }
      return { accepted: input.events.length }
    }),
    pushSamples: after<{ samples: SeenSample[]; isStored: boolean }>('pushSamples', ({ input }) => {
      for (const sample of input.samples) {
        if (!assignments.has(sample.serverId)) breaches.push('a sample of no server')
        if (!input.isStored) samples.push(sample)
        else if (!storedSamples.some(({ serverId, at }) => serverId === sample.serverId && at === sample.at)) storedSamples.push(sample)
      }
      return { accepted: input.samples.length }
    }),
    pushNodeSamples: after<{ samples: { at: string }[]; isStored: boolean }>('pushNodeSamples', ({ input }) => {
      for (const sample of input.samples) {
        if (!input.isStored) nodeSamples.push(sample)
        else if (!storedNodeSamples.some(({ at }) => at === sample.at)) storedNodeSamples.push(sample)
      }
      return { accepted: input.samples.length }
    }),
  }

  const http = createServer()
  const socketServer = new WebSocketServer({ server: http, maxPayload: 2 ** 20 })
  socketServer.on('connection', (socket: WebSocket) => {
    if (isAway) {
      socket.terminate()
      return
    }
    sockets.add(socket)
    contexts.set(socket, { socket, challenge: null, isSignedIn: false, hasHello: false })
    socket.on('close', (code: number) => {
      sockets.delete(socket)
      if (code === 1009) breaches.push('a message was too large')
    })
  })
  const disposable = useServer<Record<string, unknown>, { socket: WebSocket }>(
    {
      schema: SCHEMA,
      roots: { query, mutation, subscription: { orders } },
      context: ({ extra }) => contexts.get(extra.socket),
    },
    socketServer,
  )
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')

  return {
    url: `ws://127.0.0.1:${String((http.address() as AddressInfo).port)}/agent`,
    token: TOKEN,
    assign(assignment) {
      assignments.set(assignment.serverId, assignment)
      send?.({ __typename: 'AssignmentOrder', assignment: withPosition(assignment) })
    },
    command(command) {
      commands.set(command.id, command)
      send?.(toOrder(command))
    },
    repeat(command) {
      send?.(toOrder(command))
    },
    watch(serverIds, isMachineWatched = false) {
      watched = serverIds
      isNodeWatched = isMachineWatched
      send?.({ __typename: 'WatchOrder', serverIds, isNodeWatched })
    },
    report: (serverId) => reports.findLast((report) => report.serverId === serverId),
    reports,
    results,
    installations,
    installLog: (installationId) => logs.get(installationId) ?? '',
    samples,
    storedSamples,
    nodeSamples,
    storedNodeSamples,
    events,
    text: (serverId) => consoles.of(serverId).head.toString(),
    parts: (serverId) => consoles.of(serverId).parts,
    sessions: () => sessions,
    storeIds,
    breaches,
    cut,
    setAway(next) {
      isAway = next
      if (next) cut()
    },
    setClock(ahead) {
      clockAhead = ahead
    },
    loseAnswerOf(name) {
      lostAnswer = name
    },
    holdConsole: consoles.hold,
    crash() {
      consoles.crash()
      send = null
      cut()
    },
    async stop() {
      cut()
      await disposable.dispose()
      socketServer.close()
      http.close()
      await once(http, 'close')
    },
  }
}
