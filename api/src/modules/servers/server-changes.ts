import type { Command, CommandKind, DesiredState, Prisma, Server } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { nameOf, type Actor } from '../../lib/actor.ts'
import { StateConflictError } from '../../lib/errors.ts'
import { newId } from '../../lib/ids.ts'
import { addCommand, finishCommands, type NewCommand } from '../commands/command-store.ts'
import { recordServerEvent, type ServerEventData, type ServerEventKind } from './server-events.ts'
import type { LockedServer } from './server-lock.ts'
import { decide, REFUSALS, type Decision, type ServerOccurrence } from './server-state.ts'
import { statusOf } from './server-status.ts'

/** What goes along with a decision into the same transaction. */
export type ChangeDetails = {
  actor: Actor
  /** Its entry in the history; null when nothing is to be seen. */
  event: { kind: ServerEventKind; data?: ServerEventData; last?: object } | null
  /** Further columns: settings, or what was observed. */
  columns?: Prisma.ServerUpdateInput
  /** Of `problem` when it is not one of the table's own. */
  problem?: { code: string; message: string; at: Date } | null
  /** Of the order, when the decision has one. */
  deadlineSeconds?: number
  /** Commands up to this generation have their outcome; by default all. */
  upToGeneration?: number
  failure?: { errorCode: string; error: string }
}

export type Change = { server: Server; command: Command | null }

/** Carries decisions of the table out. */
export type ServerChanges = {
  /** Decides on a locked server. @throws StateConflictError when it is refused */
  decide(server: LockedServer, occurrence: ServerOccurrence): Decision
  /** Writes a decision: a compare-and-set on the revision, with command, outcomes and event; the node is told after the commit. */
  carryOut(tx: Transaction, server: LockedServer, decision: Decision, details: ChangeDetails): Promise<Change>
}

const INSTALL_PROBLEMS = {
  INSTALL_FAILED: 'The install did not succeed.',
  INSTALL_ABORTED: 'The install was cancelled.',
} as const

/** Rows of orders remember what their expiry needs. */
export type CommandPayload = { seconds: number; before: DesiredState; installationId?: string; consoleInput?: string }

function problemColumns(server: Server, { problem }: Decision, given: ChangeDetails['problem']): Prisma.ServerUpdateInput {
  if (problem === 'keep') return {}
  const next =
    problem === 'none'
      ? null
      : problem === 'report'
        ? (given ?? null)
        : { code: problem, message: given?.message ?? INSTALL_PROBLEMS[problem], at: new Date() }
  // An agent that sees no problem says nothing about an install that failed.
  if (problem === 'report' && next === null && server.problemCode !== null && Object.hasOwn(INSTALL_PROBLEMS, server.problemCode)) return {}
  if (server.problemCode === (next?.code ?? null) && server.problemMessage === (next?.message ?? null)) return {}
  return { problemCode: next?.code ?? null, problemMessage: next?.message ?? null, problemAt: next?.at ?? null }
}

/** The facts of a row. */
const factsOf = ({ desiredState, state, activity, installedAt, node }: LockedServer) => ({
  desiredState,
  state,
  activity,
  isInstalled: installedAt !== null,
  isNodeOnline: node.isOnline,
})

export function createServerChanges({ bus }: { bus: EventBus }): ServerChanges {
  async function addOrder(
    tx: Transaction,
    actor: Actor,
    { server, before, command, seconds }: { server: Server; before: DesiredState; command: CommandKind; seconds: number },
  ): Promise<Command> {
    const id = newId()
    const payload: CommandPayload = { seconds, before, ...(command === 'INSTALL' ? { installationId: id } : {}) }
    if (command === 'INSTALL') await tx.prisma.installation.create({ data: { id, serverId: server.id } })
    const order: NewCommand = { server, kind: command, deadlineSeconds: seconds, payload, id }
    return addCommand(tx, bus, actor, order)
  }

  /** An install that nobody will begin any more. */
  async function endInstallation(tx: Transaction, serverId: string, id: string): Promise<void> {
    await tx.prisma.installation.updateMany({
      where: { id, status: { in: ['PENDING', 'RUNNING'] } },
      data: { status: 'ABORTED', finishedAt: new Date() },
    })
    tx.afterCommit(() => {
      bus.publish('installation', { serverId })
    })
  }

  return {
    decide(server, occurrence) {
      const decision = decide(factsOf(server), occurrence)
      if ('refusal' in decision)
        throw new StateConflictError(statusOf({ ...server, isStale: !server.node.isOnline }), REFUSALS[decision.refusal])
      return decision
    },

    async carryOut(tx, server, decision, details) {
      const { actor, event, columns = {}, deadlineSeconds = 0, upToGeneration, failure } = details
      const updated = await tx.prisma.server.update({
        // Another writer would have changed the revision; the lock makes that a bug, never a lost update.
        where: { id: server.id, revision: server.revision },
        data: {
          ...columns,
          desiredState: decision.desiredState,
          state: decision.state,
          activity: decision.activity,
          revision: { increment: 1 },
          ...(decision.isNewWish ? { generation: { increment: 1 } } : {}),
          ...(decision.isInstalled && server.installedAt === null ? { installedAt: new Date() } : {}),
          ...(decision.removal === 'marked' ? { deletedAt: new Date() } : {}),
          ...problemColumns(server, decision, details.problem),
        },
      })
      // Before the order: an order of a generation that the agent does not have yet would come too early.
      if (decision.isAssigned)
        tx.afterCommit(() => {
          bus.publish('orders', { nodeId: server.nodeId, order: { kind: 'assignment', serverId: server.id } })
        })
      for (const { commands, status, onlyUnsent } of decision.endings) {
        const ended = await finishCommands(
          tx,
          bus,
          {
            serverId: server.id,
            kind: { in: [...commands] },
            ...(upToGeneration === undefined ? {} : { generation: { lte: upToGeneration } }),
            ...(onlyUnsent === true ? { status: 'PENDING' } : {}),
          },
          { status, ...(status === 'FAILED' ? failure : {}) },
        )
        for (const { kind, id } of ended) if (kind === 'INSTALL') await endInstallation(tx, server.id, id)
      }
      const { order } = decision
      const command =
        order === null
          ? null
          : await addOrder(tx, actor, { server: updated, before: server.desiredState, command: order.command, seconds: deadlineSeconds })
      if (command !== null && order?.isDone === true) await finishCommands(tx, bus, { id: command.id }, { status: 'DONE' })
      if (event !== null) {
        const actorName = actor.kind === 'user' ? nameOf(actor) : null
        await recordServerEvent(tx, bus, server, event.kind, event.data ?? {}, actorName, event.last)
      }
      return { server: updated, command }
    },
  }
}
