import type { ExitReason, Prisma, Server, ServerState } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { AgentActor } from '../../lib/actor.ts'
import { releasePorts } from '../allocations/allocation-store.ts'
import { finishCommands } from '../commands/command-store.ts'
import type { SampleStore } from '../metrics/sample-store.ts'
import { recordServerEvent } from './server-events.ts'

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

type Observed = Pick<
  Server,
  'state' | 'desiredState' | 'reportSequence' | 'reportEpoch' | 'generation' | 'problemCode' | 'problemMessage' | 'problemAt' | 'activity'
>

/**
 * What a report changes; null when it is older than what is known. Pure: the one place where an observation meets a wish.
 * @param storeId of the agent's store: sequences count inside it
 */
export function applyReport(server: Observed, report: ServerReport, storeId: string): Prisma.ServerUpdateInput | null {
  if (server.reportEpoch === storeId && BigInt(report.sequence) <= server.reportSequence) return null
  // A problem of an earlier wish is over: its report was on the way when the new wish came.
  const problem = report.generation < server.generation ? null : report.problem
  const isSameProblem = server.problemCode === (problem?.code ?? null) && server.problemMessage === (problem?.message ?? null)
  const isOver = report.isSettled && report.generation === server.generation && server.desiredState === 'RUNNING'
  return {
    reportEpoch: storeId,
    reportSequence: report.sequence,
    state: report.state,
    stateObservedAt: report.observedAt,
    runningSince: report.runningSince,
    restartAttempt: report.restart?.attempt ?? 0,
    nextRestartAt: report.restart?.at ?? null,
    restartReason: report.restart?.reason ?? null,
    needsRestart: report.needsRestart,
    // What the agent decided for good ends the wish: a game that gave up or ended is not wanted any more.
    ...(isOver ? { desiredState: 'STOPPED' as const } : {}),
    ...(isSameProblem
      ? {}
      : {
          problemCode: problem?.code ?? null,
          problemMessage: problem?.message ?? null,
          problemAt: problem === null ? null : report.observedAt,
        }),
    ...(report.lastExit === null
      ? {}
      : { lastExitCode: report.lastExit.code, lastExitReason: report.lastExit.reason, lastExitAt: report.lastExit.at }),
  }
}

/** Outcome of START and STOP wishes as a report shows it. */
function outcomeOf(report: ServerReport): { kinds: ('START' | 'STOP')[]; outcome: Parameters<typeof finishCommands>[3] } | null {
  if (report.state === 'RUNNING') return { kinds: ['START'], outcome: { status: 'DONE' } }
  if (report.state === 'STOPPED') return { kinds: report.isSettled ? ['START', 'STOP'] : ['STOP'], outcome: { status: 'DONE' } }
  if (report.state === 'CRASHED' && report.isSettled)
    return { kinds: ['START', 'STOP'], outcome: { status: 'FAILED', errorCode: 'CRASHED', error: 'The game crashed.' } }
  if (report.state === 'ERROR')
    return {
      kinds: ['START', 'STOP'],
      outcome: {
        status: 'FAILED',
        errorCode: report.problem?.code ?? 'ERROR',
        error: report.problem?.message ?? 'The server needs a look.',
      },
    }
  return null
}

export type ServerReports = {
  /** Takes reports of the agent's own servers; the number that changed something. */
  apply(tx: Transaction, agent: AgentActor, storeId: string, reports: readonly ServerReport[]): Promise<number>
  /** Takes an installation's end. Idempotent. */
  finishInstallation(
    tx: Transaction,
    serverId: string,
    installationId: string,
    result: { status: 'SUCCEEDED' | 'FAILED' | 'ABORTED'; exitCode: number | null; error: string | null },
  ): Promise<void>
}

export function createServerReports({ bus, samples }: { bus: EventBus; samples: SampleStore }): ServerReports {
  async function lock(tx: Transaction, agent: AgentActor, serverId: string): Promise<Server | null> {
    await tx.prisma.$queryRaw`select id from "Server" where id = ${serverId}::uuid for update`
    return tx.prisma.server.findFirst({ where: { id: serverId, nodeId: agent.id } })
  }

  return {
    async apply(tx, agent, storeId, reports) {
      let applied = 0
      for (const report of reports) {
        const server = await lock(tx, agent, report.serverId)
        if (server === null) continue
        if (report.isRemoved && server.deletedAt !== null) {
          // Nothing of it is left on the node: its ports and room are free again.
          await releasePorts(tx, server.id)
          await samples.forget(tx, server.id)
          await tx.prisma.server.delete({ where: { id: server.id } })
          tx.afterCommit(() => {
            bus.publish('node', { nodeId: agent.id })
          })
          applied += 1
          continue
        }
        const change = applyReport(server, report, storeId)
        if (change === null) continue
        applied += 1
        const updated = await tx.prisma.server.update({ where: { id: server.id }, data: { ...change, revision: { increment: 1 } } })
        const ended = outcomeOf(report)
        if (ended !== null)
          await finishCommands(
            tx,
            bus,
            { serverId: server.id, kind: { in: ended.kinds }, generation: { lte: report.generation } },
            ended.outcome,
          )
        const isVisible =
          server.state !== updated.state ||
          server.desiredState !== updated.desiredState ||
          server.problemCode !== updated.problemCode ||
          server.needsRestart !== updated.needsRestart ||
          server.nextRestartAt?.getTime() !== updated.nextRestartAt?.getTime() ||
          server.lastExitAt?.getTime() !== updated.lastExitAt?.getTime()
        if (isVisible && server.deletedAt === null) {
          await recordServerEvent(tx, bus, server, 'CHANGED', {}, null)
        }
      }
      return applied
    },

    async finishInstallation(tx, serverId, installationId, { status, exitCode, error }) {
      const ended = await tx.prisma.installation.updateMany({
        where: { id: installationId, serverId, status: { in: ['PENDING', 'RUNNING'] } },
        data: { status, exitCode, error, finishedAt: new Date(), ...(status === 'SUCCEEDED' ? { percent: 100, step: null } : {}) },
      })
      if (ended.count === 0) return
      const server = await tx.prisma.server.findUniqueOrThrow({ where: { id: serverId } })
      const isGood = status === 'SUCCEEDED'
      const starts = isGood && server.startAfterInstall
      const updated = await tx.prisma.server.update({
        where: { id: serverId },
        data: {
          activity: 'NONE',
          revision: { increment: 1 },
          startAfterInstall: false,
          ...(isGood
            ? { installedAt: new Date(), problemCode: null, problemMessage: null, problemAt: null }
            : {
                problemCode: status === 'ABORTED' ? 'INSTALL_ABORTED' : 'INSTALL_FAILED',
                problemMessage: error ?? 'The install did not succeed.',
                problemAt: new Date(),
              }),
          ...(starts ? { desiredState: 'RUNNING' as const, generation: { increment: 1 } } : {}),
        },
      })
      await recordServerEvent(tx, bus, updated, `INSTALL_${status}`, { code: exitCode, message: error }, null)
      tx.afterCommit(() => {
        bus.publish('installation', { serverId })
        bus.publish('orders', { nodeId: updated.nodeId, order: { kind: 'assignment', serverId } })
      })
    },
  }
}
