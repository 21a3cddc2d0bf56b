import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { AgentActor } from '../lib/actor.ts'
import { isId } from '../lib/ids.ts'
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
import { createAgentGuard } from './agent-guard.ts'
import { createAgentSignIn, type AgentSignIn } from './agent-sign-in.ts'
import { CONSOLE_BUDGET, createConsoleBudget } from './console-budget.ts'
import { costOf } from './console-part.ts'
import { streamOrders, type Order } from './orders.ts'
import { plainText } from './plain-text.ts'
import { refuse } from './refuse.ts'

/** From this version on agents tell events. */
const EVENTS_SINCE = 2
/** Between tries to store that a node is away. */
const RETRY_MS = 1000

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
export type AgentGatewayService = AgentSignIn & {
  /** Shows every node as away. */
  forgetSessions(): Promise<void>
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
  const { db, bus, console, metrics, installations, reports, log } = deps
  const sockets = new Map<string, AgentSocket>()
  const { agentOf, assertOwn, inTurn, isOwn, write } = createAgentGuard(deps)
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

    async hello(socket, { agentVersion, storeId, capacity, runtime, wallClock }) {
      if (socket.agent === null) throw refuse('Sign in first.', 'UNAUTHENTICATED')
      if (!isId(storeId)) throw refuse('The store id is no id.', 'INVALID')
      if (Math.min(...Object.values(capacity)) < 0) throw refuse('A capacity is below nothing.', 'INVALID')
      const { agent } = socket
      await write(socket, agent, async (tx) => {
        await tx.prisma.node.update({
          where: { id: agent.id },
          data: {
            agentVersion: plainText(agentVersion, 32),
            lastSeenAt: new Date(),
            runtimeName: plainText(runtime.name, 64),
            runtimeVersion: plainText(runtime.version, 64),
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

    async reportServers(socket, list) {
      const agent = agentOf(socket)
      for (const { serverId } of list) reachStep('report:received', serverId)
      await assertOwn(
        socket,
        agent,
        list.map((report) => report.serverId),
      )
      return write(socket, agent, async (tx) => {
        tx.afterCommit(() => {
          for (const { serverId } of list) reachStep('report:committed', serverId)
        })
        const applied = await reports.apply(tx, { agent, storeId: agent.storeId, tellsEvents: agent.protocolVersion >= EVENTS_SINCE }, list)
        for (const report of list)
          if (report.isRemoved)
            tx.afterCommit(() => {
              console.forget(report.serverId)
            })
        // States are known from the first report on: only then the node's servers are shown as they are.
        if (await markOnline(tx, bus, agent.id)) await renewWaitingWishes(tx, agent.id)
        return applied
      })
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
            { status: result.status, errorCode: result.errorCode, error: result.error },
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
            error: report.error,
          })
        return length
      })
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
          await deps.samples.append(own)
          await deps.gaps.stored(own)
        })
      return samples.length
    },

    async pushNodeSamples(socket, samples, isStored) {
      const agent = agentOf(socket)
      assertNewest(socket, agent)
      metrics.ingestNode(agent.id, samples)
      if (isStored)
        await inTurn(socket, async () => {
          await deps.samples.appendNode(agent.id, samples)
          await deps.gaps.nodeStored(agent.id, samples)
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
