import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { AgentActor } from '../lib/actor.ts'
import { isId } from '../lib/ids.ts'
import type { ConsolePiece } from '../modules/console/console-chunk.ts'
import type { ConsoleService } from '../modules/console/console-service.ts'
import type { InstallationService } from '../modules/installations/installation-service.ts'
import type { GapStore } from '../modules/metrics/gap-store.ts'
import type { MetricsService, NodeMetrics, ServerMetrics } from '../modules/metrics/metrics-service.ts'
import type { SampleStore } from '../modules/metrics/sample-store.ts'
import type { EnrolmentService } from '../modules/nodes/enrolment-service.ts'
import { markAllOffline, markOffline, recordClockOffset } from '../modules/nodes/node-events.ts'
import type { ServerReports } from '../modules/servers/server-reports.ts'
import type { AgentSocket } from './agent-builder.ts'
import { createAgentGuard } from './agent-guard.ts'
import { createAgentReports, type AgentReports } from './agent-reports.ts'
import { createAgentSignIn, type AgentSignIn } from './agent-sign-in.ts'
import { CONSOLE_BUDGET, createConsoleBudget } from './console-budget.ts'
import { costOf } from './console-part.ts'
import { streamOrders, type Order } from './orders.ts'
import { plainName } from './plain-text.ts'
import { refuse } from './refuse.ts'

/** Between tries to store that a node is away. */
const RETRY_MS = 1000

export type HelloInput = {
  agentVersion: string
  storeId: string
  wallClock: Date
  runtime: { name: string; version: string; cgroupVersion: number }
  capacity: { memoryMiB: number; cpuPercent: number; diskMiB: number }
}

/** What agents may do. Everything after sign-in acts for the agent's own node only. */
export type AgentGatewayService = AgentSignIn &
  AgentReports & {
    /** Shows every node as away. */
    forgetSessions(): Promise<void>
    hello(socket: AgentSocket, input: HelloInput): Promise<void>
    heartbeat(socket: AgentSocket, wallClock: Date): Promise<void>
    pushConsole(
      socket: AgentSocket,
      serverId: string,
      from: number,
      pieces: readonly ConsolePiece[],
    ): Promise<{ acknowledged: number; expected: number }>
    pushSamples(socket: AgentSocket, samples: readonly (ServerMetrics & { serverId: string })[], isStored: boolean): Promise<number>
    pushNodeSamples(socket: AgentSocket, samples: readonly NodeMetrics[], isStored: boolean): Promise<number>
    orders(socket: AgentSocket): AsyncGenerator<Order, void, undefined>
    /** Bytes of consoles that were received and are not durable, and those that wait for room. */
    consoleBytes(): { spent: number; waiting: number }
    /** The socket is closed: its node is away now, unless a newer session has taken over. */
    disconnected(socket: AgentSocket, stopping: AbortSignal): Promise<void>
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

export function createAgentGatewayService(deps: AgentGatewayDeps): AgentGatewayService {
  const { db, bus, console, metrics, log } = deps
  const sockets = new Map<string, AgentSocket>()
  const guard = createAgentGuard(deps)
  const { agentOf, assertOwn, inTurn, isOwn, write } = guard
  const budget = createConsoleBudget(CONSOLE_BUDGET)
  /** Those whose last heartbeat is being stored. */
  const beating = new WeakSet<AgentSocket>()
  /** Those whose orders are being read. */
  const ordered = new WeakSet<AgentSocket>()
  const assertNewest = (socket: AgentSocket, agent: AgentActor) => {
    if (sockets.get(agent.id) !== socket) throw refuse('A newer session of this node has taken over.', 'SESSION_REPLACED')
  }
  async function* readOrders(socket: AgentSocket, agent: AgentActor): AsyncGenerator<Order, void, undefined> {
    try {
      yield* streamOrders({ db, bus, console, metrics }, agent, socket.signal)
    } catch (error) {
      // A session without its orders would miss some: the agent begins anew, with the full set.
      log.warn({ err: error, nodeId: agent.id }, 'the orders of a session ended')
      socket.close(1011, 'the orders cannot be read')
      throw error
    } finally {
      ordered.delete(socket)
    }
  }

  bus.on('nodeRevoked', ({ nodeId }) => {
    const socket = sockets.get(nodeId)
    // Off the map first: until the peer has answered the close, messages still come in.
    sockets.delete(nodeId)
    socket?.close(4401, 'the key of this node is not valid any more')
  })

  return {
    async forgetSessions() {
      await db.transaction((tx) => markAllOffline(tx, bus))
    },

    ...createAgentSignIn({ ...deps, sockets }),
    ...createAgentReports({ ...deps, guard }),

    async hello(socket, { agentVersion, storeId, capacity, runtime, wallClock }) {
      if (socket.agent === null) throw refuse('Sign in first.', 'UNAUTHENTICATED')
      if (!isId(storeId)) throw refuse('The store id is no id.', 'INVALID')
      if (Math.min(...Object.values(capacity)) < 0) throw refuse('A capacity is below nothing.', 'INVALID')
      const { agent } = socket
      await write(socket, agent, async (tx) => {
        await tx.prisma.node.update({
          where: { id: agent.id },
          data: {
            agentVersion: plainName(agentVersion, 32),
            lastSeenAt: new Date(),
            runtimeName: plainName(runtime.name, 64),
            runtimeVersion: plainName(runtime.version, 64),
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
      // Answered without the database: one that is slow or away is no reason for the agent to give its session up.
      if (beating.has(socket)) return
      beating.add(socket)
      const offset = wallClock.getTime() - Date.now()
      write(socket, agent, async (tx) => {
        await tx.prisma.node.update({ where: { id: agent.id }, data: { lastSeenAt: new Date() } })
        await recordClockOffset(tx, bus, agent.id, offset)
      })
        .catch((error: unknown) => {
          log.warn({ err: error, nodeId: agent.id }, 'a heartbeat could not be stored')
        })
        .finally(() => beating.delete(socket))
    },

    async pushConsole(socket, serverId, from, pieces) {
      const agent = agentOf(socket)
      await assertOwn(socket, agent, [serverId])
      return budget.spend(agent.id, socket, costOf(pieces), async () => {
        if (!isOwn(socket, serverId) || sockets.get(agent.id) !== socket) throw refuse('This server is not on this node.', 'FORBIDDEN')
        return console.ingest(serverId, from, pieces)
      })
    },

    async pushSamples(socket, samples, isStored) {
      const agent = agentOf(socket)
      await assertOwn(
        socket,
        agent,
        samples.map((sample) => sample.serverId),
      )
      assertNewest(socket, agent)
      const own = samples.filter((sample) => isOwn(socket, sample.serverId))
      metrics.ingest(own)
      if (isStored)
        await inTurn(socket, async () => {
          await deps.gaps.stored(await deps.samples.append(own))
        })
      return samples.length
    },

    async pushNodeSamples(socket, samples, isStored) {
      const agent = agentOf(socket)
      assertNewest(socket, agent)
      metrics.ingestNode(agent.id, samples)
      if (isStored)
        await inTurn(socket, async () => {
          await deps.gaps.nodeStored(agent.id, await deps.samples.appendNode(agent.id, samples))
        })
      return samples.length
    },

    orders(socket) {
      // Refused here, before anything is read: what fails later ends the whole session.
      const agent = agentOf(socket)
      assertNewest(socket, agent)
      if (ordered.has(socket)) throw refuse('The orders are read on this socket already.', 'ORDERS_OPEN')
      ordered.add(socket)
      return readOrders(socket, agent)
    },

    consoleBytes: budget.stats,

    async disconnected(socket, stopping) {
      const { agent } = socket
      if (agent === null) return
      if (sockets.get(agent.id) === socket) sockets.delete(agent.id)
      const isNewest = () => db.transaction((tx) => markOffline(tx, bus, { id: agent.id, sessionId: agent.sessionId }, 'DISCONNECTED'))
      // Until it is stored: a node that is shown as there for ever would be a lie, and a database that is away comes back.
      for (;;) {
        try {
          if (await isNewest()) log.info({ nodeId: agent.id }, 'agent disconnected')
          return
        } catch (error) {
          if (stopping.aborted) return
          log.warn({ err: error, nodeId: agent.id }, 'that a node is away could not be stored yet')
          await delay(RETRY_MS, undefined, { signal: stopping }).catch(() => undefined)
        }
      }
    },
  }
}
