import type { EventBus } from '../events/event-bus.ts'
import { isId } from '../lib/ids.ts'
import { reachStep } from '../lib/step.ts'
import { finishCommands, renewWaitingWishes } from '../modules/commands/command-store.ts'
import type { ConsoleService } from '../modules/console/console-service.ts'
import type { InstallationService } from '../modules/installations/installation-service.ts'
import { markOnline } from '../modules/nodes/node-events.ts'
import { recordAgentEvents, type AgentEvent } from '../modules/servers/server-events.ts'
import type { ServerReport, ServerReports } from '../modules/servers/server-reports.ts'
import type { AgentSocket } from './agent-builder.ts'
import type { AgentGuard } from './agent-guard.ts'
import { refuse } from './refuse.ts'

/** From this version on agents tell events. */
const EVENTS_SINCE = 2

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

/** What an agent tells of its servers, and of what it was told to do with them. */
export type AgentReports = {
  reportServers(socket: AgentSocket, reports: readonly ServerReport[]): Promise<number>
  /** Stores each once. The number that need not come again. */
  reportEvents(socket: AgentSocket, events: readonly AgentEvent[]): Promise<number>
  reportCommands(socket: AgentSocket, results: readonly CommandResult[]): Promise<number>
  reportInstallation(socket: AgentSocket, report: InstallationReport): Promise<number>
}

export type AgentReportsDeps = {
  bus: EventBus
  reports: ServerReports
  console: ConsoleService
  installations: InstallationService
  guard: AgentGuard
}

export function createAgentReports({ bus, reports, console, installations, guard }: AgentReportsDeps): AgentReports {
  const { agentOf, assertOwn, write } = guard
  return {
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
  }
}
