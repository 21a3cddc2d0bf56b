import type { ExitReason, Prisma, Server, ServerState } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { SYSTEM, type AgentActor } from '../../lib/actor.ts'
import { reachStep } from '../../lib/step.ts'
import type { Command } from '../commands/command-store.ts'
import type { SampleStore } from '../metrics/sample-store.ts'
import type { CommandPayload, ServerChanges } from './server-changes.ts'
import { recordServerEvent, type ServerEventKind } from './server-events.ts'
import { lockServers, type LockedServer } from './server-lock.ts'
import type { ServerOccurrence } from './server-state.ts'
import { deleteServerRow, dropTombstone } from './tombstone-store.ts'

/** What an agent observed of one server. */
export type ServerReport = {
  serverId: string
  sequence: number
  generation: number
  observedAt: Date
  state: ServerState
  isSettled: boolean
  isRemoved: boolean
  isInstalled: boolean
  problem: { code: string; message: string } | null
  lastExit: { code: number | null; reason: ExitReason; at: Date } | null
  runningSince: Date | null
  /** The restart after a crash that waits. */
  restart: { attempt: number; at: Date; reason: string } | null
  needsRestart: boolean
}

/** Who reports: its store counts the sequences; version 1 tells no events, so ends are told by its reports. */
export type Reporter = { agent: AgentActor; storeId: string; tellsEvents: boolean }

export type InstallResult = { status: 'SUCCEEDED' | 'FAILED' | 'ABORTED'; exitCode: number | null; error: string | null }

export type ServerReports = {
  /** Takes reports of the agent's own servers; the number that changed something. */
  apply(tx: Transaction, reporter: Reporter, reports: readonly ServerReport[]): Promise<number>
  /** Takes an installation's end. Idempotent. */
  finishInstallation(tx: Transaction, serverId: string, installationId: string, result: InstallResult): Promise<void>
  /** Takes the expiry of a command that was open until now. */
  expire(tx: Transaction, command: Command): Promise<void>
}

/** True for what is not older than what is known: a new store counts from the start. */
export function isNews(server: Pick<Server, 'reportEpoch' | 'reportSequence'>, report: ServerReport, storeId: string): boolean {
  return server.reportEpoch !== storeId || BigInt(report.sequence) > server.reportSequence
}

/** What was observed, as columns. */
function observationOf(report: ServerReport, storeId: string): Prisma.ServerUpdateInput {
  const { lastExit, restart } = report
  return {
    reportEpoch: storeId,
    reportSequence: report.sequence,
    stateObservedAt: report.observedAt,
    runningSince: report.runningSince,
    restartAttempt: restart?.attempt ?? 0,
    nextRestartAt: restart?.at ?? null,
    restartReason: restart?.reason ?? null,
    needsRestart: report.needsRestart,
    ...(lastExit === null ? {} : { lastExitCode: lastExit.code, lastExitReason: lastExit.reason, lastExitAt: lastExit.at }),
  }
}

/** What people see of a server: a report that changes none of it is no event. */
const seen = (server: Server) =>
  JSON.stringify([
    server.state,
    server.desiredState,
    server.problemCode,
    server.problemMessage,
    server.needsRestart,
    server.nextRestartAt,
    server.runningSince,
    server.lastExitAt,
  ])

/** Why wishes fail that a report ends. */
function failureOf({ state, problem }: ServerReport): { errorCode: string; error: string } {
  return state === 'CRASHED'
    ? { errorCode: 'CRASHED', error: 'The game crashed.' }
    : { errorCode: problem?.code ?? 'ERROR', error: problem?.message ?? 'The server needs a look.' }
}

export function createServerReports({
  bus,
  samples,
  changes,
}: {
  bus: EventBus
  samples: SampleStore
  changes: ServerChanges
}): ServerReports {
  async function applyOne(tx: Transaction, reporter: Reporter, server: LockedServer, report: ServerReport): Promise<LockedServer> {
    const isCurrent = report.generation >= server.generation
    const decision = changes.decide(server, { kind: 'reported', state: report.state, isSettled: report.isSettled, isCurrent })
    const isKnownExit = report.lastExit?.at.getTime() === server.lastExitAt?.getTime()
    const exit = isKnownExit || reporter.tellsEvents ? null : report.lastExit
    const { server: updated } = await changes.carryOut(tx, server, decision, {
      actor: reporter.agent,
      event: exit === null ? null : { kind: 'EXITED', data: { code: exit.code, reason: exit.reason } },
      columns: observationOf(report, reporter.storeId),
      problem: report.problem === null ? null : { ...report.problem, at: report.observedAt },
      upToGeneration: report.generation,
      failure: failureOf(report),
    })
    if (exit === null && server.deletedAt === null && seen(server) !== seen(updated))
      await recordServerEvent(tx, bus, server, 'CHANGED', {}, null)
    return { ...server, ...updated }
  }

  /** Carries out what happened to a server by itself. */
  async function happen(
    tx: Transaction,
    serverId: string,
    occurrence: ServerOccurrence,
    details: { event: ServerEventKind; code?: number | null; message?: string | null; reason?: string; columns?: Prisma.ServerUpdateInput },
  ): Promise<void> {
    const [server] = await lockServers(tx, [serverId])
    if (server?.deletedAt !== null) return
    const { event, message = null, columns = {}, code = null, reason = null } = details
    await changes.carryOut(tx, server, changes.decide(server, occurrence), {
      actor: SYSTEM,
      event: { kind: event, data: { code, message, reason } },
      columns,
      problem: message === null ? null : { code: '', message, at: new Date() },
    })
  }

  return {
    async apply(tx, reporter, reports) {
      const { agent, storeId } = reporter
      const ids = [...new Set(reports.map((report) => report.serverId.toLowerCase()))]
      const servers = new Map((await lockServers(tx, ids)).flatMap((server) => (server.nodeId === agent.id ? [[server.id, server]] : [])))
      let applied = 0
      for (const report of reports) {
        const id = report.serverId.toLowerCase()
        const server = servers.get(id)
        if (server === undefined) {
          if (report.isRemoved && (await dropTombstone(tx, agent.id, id))) applied += 1
          continue
        }
        if (report.isRemoved && server.deletedAt !== null) {
          // Nothing of it is left on the node: its ports and room are free again.
          await deleteServerRow(tx, samples, server.id)
          servers.delete(id)
          tx.afterCommit(() => {
            bus.publish('node', { nodeId: agent.id })
          })
          applied += 1
          continue
        }
        if (!isNews(server, report, storeId)) continue
        servers.set(id, await applyOne(tx, reporter, server, report))
        applied += 1
      }
      for (const id of ids) reachStep('report:applied', id)
      return applied
    },

    async finishInstallation(tx, serverId, installationId, { status, exitCode, error }) {
      // The agent's word comes late when the command had expired: it is what is on the disk.
      const expired = await tx.prisma.command.count({ where: { id: installationId, status: 'EXPIRED' } })
      const ended = await tx.prisma.installation.updateMany({
        where: { id: installationId, serverId, status: { in: expired > 0 ? ['PENDING', 'RUNNING', 'FAILED'] : ['PENDING', 'RUNNING'] } },
        data: { status, exitCode, error, finishedAt: new Date(), ...(status === 'SUCCEEDED' ? { percent: 100, step: null } : {}) },
      })
      if (ended.count === 0) return
      const server = await tx.prisma.server.findUniqueOrThrow({ where: { id: serverId }, select: { startAfterInstall: true } })
      await happen(
        tx,
        serverId,
        { kind: 'installed', outcome: status, startsNow: server.startAfterInstall },
        { event: `INSTALL_${status}`, code: exitCode, message: error, columns: { startAfterInstall: false } },
      )
      tx.afterCommit(() => {
        bus.publish('installation', { serverId })
      })
    },

    async expire(tx, { id, kind, serverId, generation, sentAt, payload }) {
      if (kind === 'INSTALL')
        await tx.prisma.installation.updateMany({
          where: { id, status: { in: ['PENDING', 'RUNNING'] } },
          data: { status: 'FAILED', error: 'The install did not end in time.', finishedAt: new Date() },
        })
      if (kind === 'CONSOLE_INPUT') return
      const server = await tx.prisma.server.findUnique({ where: { id: serverId }, select: { generation: true, desiredState: true } })
      if (server === null) return
      const { before = server.desiredState } = payload as Partial<CommandPayload>
      await happen(
        tx,
        serverId,
        { kind: 'expired', command: kind, isSent: sentAt !== null, isCurrent: server.generation === generation, before },
        { event: 'COMMAND_EXPIRED', reason: kind, message: kind === 'INSTALL' ? 'The install did not end in time.' : null },
      )
      if (kind === 'INSTALL')
        tx.afterCommit(() => {
          bus.publish('installation', { serverId })
        })
    },
  }
}
