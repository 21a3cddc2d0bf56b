import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import type { Database, Transaction } from '../db/database.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { AgentActor } from '../lib/actor.ts'
import { isId, newId } from '../lib/ids.ts'
import { createRateLimiter } from '../lib/rate-limiter.ts'
import { reachStep } from '../lib/step.ts'
import { finishCommands, renewWaitingWishes } from '../modules/commands/command-store.ts'
import type { ConsolePiece } from '../modules/console/console-chunk.ts'
import type { ConsoleService } from '../modules/console/console-service.ts'
import type { InstallationService } from '../modules/installations/installation-service.ts'
import type { GapStore } from '../modules/metrics/gap-store.ts'
import type { MetricsService, NodeMetrics, ServerMetrics } from '../modules/metrics/metrics-service.ts'
import type { SampleStore } from '../modules/metrics/sample-store.ts'
import type { EnrolmentService } from '../modules/nodes/enrolment-service.ts'
import { markAllOffline, markOffline, markOnline, recordClockOffset } from '../modules/nodes/node-events.ts'
import { recordAgentEvents, type AgentEvent } from '../modules/servers/server-events.ts'
import type { ServerReport, ServerReports } from '../modules/servers/server-reports.ts'
import type { AgentSocket } from './agent-builder.ts'
import { streamOrders, type Order } from './orders.ts'

/** From this version on agents tell events. */
const EVENTS_SINCE = 2
/** Oldest first: what this api speaks. */
const PROTOCOL_VERSIONS = [1, 2] as const
/** Three missed ones and the node counts as away: 15 s. */
export const HEARTBEAT_SECONDS = 5
const SAMPLE_SECONDS = 30
const CHALLENGE_MS = 30_000
const TRIES_PER_MINUTE = 60
/** The DER frame around a raw Ed25519 public key. */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

const refuse = (message: string, code: string) => new GraphQLError(message, { extensions: { code } })

export type HelloInput = {
  agentVersion: string
  storeId: string
  wallClock: Date
  runtime: { name: string; version: string; cgroupVersion: number }
  capacity: { memoryMiB: number; cpuPercent: number; diskMiB: number }
}
export type CommandResult = {
  commandId: string
  status: 'DONE' | 'FAILED' | 'EXPIRED' | 'SUPERSEDED'
  errorCode: string | null
  error: string | null
}
export type InstallationReport = {
  serverId: string
  installationId: string
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED'
  step: string | null
  percent: number | null
  exitCode: number | null
  error: string | null
  logFrom: number
  logText: string
}

/** What agents may do. Everything after sign-in acts for the agent's own node only. */
export type AgentGatewayService = {
  /** Shows every node as away. */
  forgetSessions(): Promise<void>
  enrol(
    socket: AgentSocket,
    input: { token: string; publicKey: string; agentVersion: string; nodeId?: string | null | undefined },
  ): Promise<{ nodeId: string; nodeName: string; instanceId: string }>
  challenge(socket: AgentSocket, nodeId: string): { challengeId: string; challenge: string; instanceId: string; protocolVersion: number }
  signIn(
    socket: AgentSocket,
    input: { nodeId: string; challengeId: string; signature: string; protocolVersion: number },
  ): Promise<{ sessionId: string; heartbeatSeconds: number; sampleSeconds: number; serverTime: Date }>
  hello(socket: AgentSocket, input: HelloInput): Promise<void>
  heartbeat(socket: AgentSocket, wallClock: Date): Promise<void>
  reportServers(socket: AgentSocket, reports: readonly ServerReport[]): Promise<number>
  /** Stores each once. The number that need not come again. */
  reportEvents(socket: AgentSocket, events: readonly AgentEvent[]): Promise<number>
  reportCommands(socket: AgentSocket, results: readonly CommandResult[]): Promise<number>
  reportInstallation(socket: AgentSocket, report: InstallationReport): Promise<number>
  pushConsole(
    socket: AgentSocket,
    serverId: string,
    from: number,
    pieces: readonly ConsolePiece[],
  ): Promise<{ acknowledged: number; expected: number }>
  pushSamples(socket: AgentSocket, samples: readonly (ServerMetrics & { serverId: string })[], isStored: boolean): Promise<number>
  pushNodeSamples(socket: AgentSocket, samples: readonly NodeMetrics[], isStored: boolean): Promise<number>
  orders(socket: AgentSocket): AsyncGenerator<Order, void, undefined>
  /** The socket is closed: its node is away now, unless a newer session has taken over. */
  disconnected(socket: AgentSocket): Promise<void>
}

export type AgentGatewayDeps = {
  db: Database
  bus: EventBus
  instanceId: string
  enrolment: EnrolmentService
  reports: ServerReports
  console: ConsoleService
  metrics: MetricsService
  samples: SampleStore
  gaps: GapStore
  installations: InstallationService
  monotonicMs: () => number
  log: Logger
}

/** True for the signature of this node's key over what the protocol says is signed. */
function isSigned(publicKey: Uint8Array, text: string, signature: string): boolean {
  const key = createPublicKey({ key: Buffer.concat([ED25519_PREFIX, publicKey]), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
}

export function createAgentGatewayService(deps: AgentGatewayDeps): AgentGatewayService {
  const { db, bus, console, metrics, installations, reports, log } = deps
  const limiter = createRateLimiter(TRIES_PER_MINUTE, 60, deps.monotonicMs)
  const sockets = new Map<string, AgentSocket>()
  /** Servers that were seen to belong to a socket's node: consoles are pushed far too often to ask the database each time. */
  const owned = new WeakMap<AgentSocket, Set<string>>()
  bus.on('nodeRevoked', ({ nodeId }) => {
    const socket = sockets.get(nodeId)
    // Off the map first: until the peer has answered the close, messages still come in.
    sockets.delete(nodeId)
    socket?.close(4401, 'the key of this node is not valid any more')
  })

  function agentOf(socket: AgentSocket): AgentActor & { storeId: string } {
    if (socket.agent === null) throw refuse('Sign in first.', 'UNAUTHENTICATED')
    if (socket.storeId === null) throw refuse('Say hello first.', 'HELLO_EXPECTED')
    return { ...socket.agent, storeId: socket.storeId }
  }

  /** @throws FORBIDDEN when one of the servers is not on the agent's node: then nothing of the message counts */
  async function assertOwn(socket: AgentSocket, agent: AgentActor, serverIds: readonly string[]): Promise<void> {
    const known = owned.get(socket) ?? new Set()
    owned.set(socket, known)
    const unknown = [...new Set(serverIds)].filter((id) => !known.has(id))
    if (unknown.length === 0) return
    const foreign = refuse('This server is not on this node.', 'FORBIDDEN')
    if (!unknown.every(isId)) throw foreign
    const found = await db.prisma.server.findMany({ where: { id: { in: unknown } }, select: { id: true, nodeId: true } })
    if (found.some((server) => server.nodeId !== agent.id)) throw foreign
    for (const { id } of found) known.add(id)
    // One that is gone altogether was removed a moment ago; whose it was cannot be told any more, and nothing is applied.
  }

  /**
   * Runs a write only while this is the node's session: an older socket changes nothing any more. One at a time for each node:
   * two that shared its row would wait for each other when both change it.
   */
  function write<T>(socket: AgentSocket, agent: AgentActor, run: (tx: Transaction) => Promise<T>): Promise<T> {
    return db.transaction(async (tx) => {
      const [node] = await tx.prisma.$queryRaw<
        { sessionId: string | null }[]
      >`select "sessionId" from "Node" where id = ${agent.id}::uuid for no key update`
      if (node?.sessionId !== agent.sessionId) {
        socket.close(4409, 'replaced by a newer session')
        throw refuse('A newer session of this node has taken over.', 'SESSION_REPLACED')
      }
      return run(tx)
    })
  }

  function assertTry(socket: AgentSocket): void {
    if (limiter.take(socket.address ?? '') > 0) {
      socket.close(4429, 'too many tries')
      throw refuse('Too many tries.', 'RATE_LIMITED')
    }
  }

  return {
    async forgetSessions() {
      await db.transaction((tx) => markAllOffline(tx, bus))
    },

    async enrol(socket, { token, publicKey, agentVersion, nodeId }) {
      assertTry(socket)
      const key = new Uint8Array(Buffer.from(publicKey, 'base64url'))
      if (key.length !== 32) throw refuse('The public key is not one of Ed25519.', 'INVALID_KEY')
      try {
        const node = await deps.enrolment.enrol({ token, publicKey: key, agentVersion: agentVersion.slice(0, 32), machine: nodeId ?? null })
        return { nodeId: node.id, nodeName: node.name, instanceId: deps.instanceId }
      } catch (error) {
        if (error instanceof Error && error.name === 'EnrolmentRefusedError') throw refuse(error.message, 'ENROLMENT_REFUSED')
        throw error
      }
    },

    challenge(socket, nodeId) {
      assertTry(socket)
      // Given for unknown nodes too: nobody can ask which nodes there are.
      const challenge = { id: newId(), text: randomBytes(32).toString('base64url'), nodeId, expiresAt: deps.monotonicMs() + CHALLENGE_MS }
      socket.challenge = challenge
      return {
        challengeId: challenge.id,
        challenge: challenge.text,
        instanceId: deps.instanceId,
        protocolVersion: Math.max(...PROTOCOL_VERSIONS),
      }
    },

    async signIn(socket, { nodeId, challengeId, signature, protocolVersion }) {
      assertTry(socket)
      const { challenge } = socket
      socket.challenge = null
      const refusal = refuse('The sign-in was refused.', 'SIGN_IN_REFUSED')
      if (!(PROTOCOL_VERSIONS as readonly number[]).includes(protocolVersion))
        throw refuse(`This api speaks the protocol versions ${PROTOCOL_VERSIONS.join(' and ')}.`, 'PROTOCOL_VERSION')
      if (challenge?.id !== challengeId || challenge.nodeId !== nodeId || challenge.expiresAt < deps.monotonicMs()) throw refusal
      const node = isId(nodeId) ? await db.prisma.node.findUnique({ where: { id: nodeId } }) : null
      const text = `catalyst-agent-sign-in\n${challenge.text}\n${nodeId}\n${String(protocolVersion)}\n${deps.instanceId}`
      if (node === null || !isSigned(node.publicKey, text, signature)) throw refusal
      const sessionId = newId()
      // The key that signed must still be the node's: a re-key that was committed meanwhile wins.
      const { count } = await db.prisma.node.updateMany({
        where: { id: nodeId, publicKey: node.publicKey },
        data: { sessionId, protocolVersion, lastSeenAt: new Date() },
      })
      if (count === 0) throw refusal
      const older = sockets.get(nodeId)
      sockets.set(nodeId, socket)
      socket.protocolVersion = protocolVersion
      socket.agent = { kind: 'agent', id: nodeId, name: node.name, sessionId }
      older?.close(4409, 'replaced by a newer session')
      log.info({ nodeId, node: node.name }, 'agent signed in')
      return { sessionId, heartbeatSeconds: HEARTBEAT_SECONDS, sampleSeconds: SAMPLE_SECONDS, serverTime: new Date() }
    },

    async hello(socket, { agentVersion, storeId, capacity, runtime, wallClock }) {
      if (socket.agent === null) throw refuse('Sign in first.', 'UNAUTHENTICATED')
      if (!isId(storeId)) throw refuse('The store id is no id.', 'INVALID')
      const { agent } = socket
      await write(socket, agent, async (tx) => {
        await tx.prisma.node.update({
          where: { id: agent.id },
          data: {
            agentVersion: agentVersion.slice(0, 32),
            lastSeenAt: new Date(),
            runtimeName: runtime.name.slice(0, 64),
            runtimeVersion: runtime.version.slice(0, 64),
            cgroupVersion: runtime.cgroupVersion,
            ...capacity,
          },
        })
        await recordClockOffset(tx, bus, agent.id, wallClock.getTime() - Date.now())
      })
      socket.storeId = storeId
    },

    async heartbeat(socket, wallClock) {
      const agent = agentOf(socket)
      await write(socket, agent, async (tx) => {
        await tx.prisma.node.update({ where: { id: agent.id }, data: { lastSeenAt: new Date() } })
        await recordClockOffset(tx, bus, agent.id, wallClock.getTime() - Date.now())
      })
    },

    async reportServers(socket, list) {
      const agent = agentOf(socket)
      await assertOwn(
        socket,
        agent,
        list.map((report) => report.serverId),
      )
      const reach = (step: 'report:received' | 'report:committed') => {
        for (const { serverId } of list) reachStep(step, serverId)
      }
      reach('report:received')
      const applied = await write(socket, agent, async (tx) => {
        const count = await reports.apply(tx, { agent, storeId: agent.storeId, tellsEvents: socket.protocolVersion >= EVENTS_SINCE }, list)
        for (const report of list)
          if (report.isRemoved)
            tx.afterCommit(() => {
              console.forget(report.serverId)
            })
        // States are known from the first report on: only then the node's servers are shown as they are.
        if (await markOnline(tx, bus, agent.id)) await renewWaitingWishes(tx, agent.id)
        return count
      })
      reach('report:committed')
      return applied
    },

    async reportEvents(socket, events) {
      const agent = agentOf(socket)
      await assertOwn(
        socket,
        agent,
        events.map((event) => event.serverId),
      )
      await write(socket, agent, (tx) => recordAgentEvents(tx, bus, agent.storeId, events))
      return events.length
    },

    async reportCommands(socket, results) {
      const agent = agentOf(socket)
      return write(socket, agent, async (tx) => {
        let accepted = 0
        for (const result of results) {
          if (!isId(result.commandId)) continue
          // Only commands of this node: a foreign id ends nothing.
          const ended = await finishCommands(
            tx,
            bus,
            { id: result.commandId, nodeId: agent.id },
            { status: result.status, errorCode: result.errorCode, error: result.error?.slice(0, 2000) ?? null },
          )
          accepted += ended.length
          for (const command of ended) {
            if (command.kind !== 'INSTALL') continue
            const status = result.status === 'DONE' ? 'SUCCEEDED' : result.errorCode === 'INSTALL_ABORTED' ? 'ABORTED' : 'FAILED'
            await reports.finishInstallation(tx, command.serverId, command.id, { status, exitCode: null, error: result.error })
          }
        }
        return accepted
      })
    },

    async reportInstallation(socket, report) {
      const agent = agentOf(socket)
      await assertOwn(socket, agent, [report.serverId])
      if (!isId(report.installationId)) throw refuse('The installation is not known.', 'NOT_FOUND')
      return write(socket, agent, async (tx) => {
        const length = await installations.progress(tx, report.serverId, report.installationId, report)
        if (report.status !== 'RUNNING')
          await reports.finishInstallation(tx, report.serverId, report.installationId, {
            status: report.status,
            exitCode: report.exitCode,
            error: report.error?.slice(0, 2000) ?? null,
          })
        return length
      })
    },

    async pushConsole(socket, serverId, from, pieces) {
      const agent = agentOf(socket)
      await assertOwn(socket, agent, [serverId])
      if (owned.get(socket)?.has(serverId) !== true || sockets.get(agent.id) !== socket)
        throw refuse('This server is not on this node.', 'FORBIDDEN')
      return console.ingest(serverId, from, pieces)
    },

    async pushSamples(socket, samples, isStored) {
      const agent = agentOf(socket)
      await assertOwn(
        socket,
        agent,
        samples.map((sample) => sample.serverId),
      )
      const own = samples.filter((sample) => owned.get(socket)?.has(sample.serverId) === true)
      metrics.ingest(own)
      if (isStored) {
        await deps.samples.append(own)
        await deps.gaps.stored(own)
      }
      return samples.length
    },

    async pushNodeSamples(socket, samples, isStored) {
      const agent = agentOf(socket)
      if (sockets.get(agent.id) !== socket) throw refuse('A newer session of this node has taken over.', 'SESSION_REPLACED')
      metrics.ingestNode(agent.id, samples)
      if (isStored) await deps.samples.appendNode(agent.id, samples)
      return samples.length
    },

    orders(socket) {
      return streamOrders({ db, bus, console, metrics }, agentOf(socket), socket.signal)
    },

    async disconnected(socket) {
      const { agent } = socket
      if (agent === null) return
      if (sockets.get(agent.id) === socket) sockets.delete(agent.id)
      const wasNewest = await db.transaction((tx) => markOffline(tx, bus, { id: agent.id, sessionId: agent.sessionId }, 'DISCONNECTED'))
      if (wasNewest) log.info({ nodeId: agent.id }, 'agent disconnected')
    },
  }
}

/** Of a console part as it arrives; null when it contradicts itself. */
export function toPiece(
  from: number,
  part: {
    kind: 'OUTPUT' | 'INPUT' | 'NOTICE' | 'GAP'
    runId: string
    at: Date
    text?: string | null | undefined
    base64?: string | null | undefined
    gapBytes?: number | null | undefined
    gapReason?: 'FLOOD' | 'RETENTION' | 'SLOW_VIEWER' | 'DAMAGED' | null | undefined
    actor?: string | null | undefined
  },
): ConsolePiece | null {
  if (part.kind === 'GAP')
    return part.gapBytes != null && part.gapBytes > 0
      ? { kind: 'GAP', from, to: from + part.gapBytes, reason: part.gapReason ?? 'DAMAGED' }
      : null
  const bytes = part.text != null ? Buffer.from(part.text) : Buffer.from(part.base64 ?? '', 'base64')
  if (bytes.length === 0) return null
  return {
    kind: part.kind,
    from,
    to: from + bytes.length,
    runId: part.runId.slice(0, 64),
    at: part.at.getTime(),
    actor: part.actor?.slice(0, 64) ?? null,
    bytes,
  }
}
