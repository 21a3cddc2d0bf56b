import type { Command, CommandKind, Prisma } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { nameOf, type Actor } from '../../lib/actor.ts'
import { newId } from '../../lib/ids.ts'
import { OPEN_STATUSES } from './command-view.ts'

export type { Command }

/** START and STOP travel with the assignment; these are sent as orders of their own. */
export const ORDER_KINDS = ['RESTART', 'KILL', 'INSTALL', 'ABORT_INSTALL', 'CONSOLE_INPUT'] as const satisfies CommandKind[]

export type NewCommand = {
  server: { id: string; nodeId: string; generation: number }
  kind: CommandKind
  deadlineSeconds: number
  payload?: Prisma.InputJsonObject
  id?: string
}

/** Writes an order in the transaction of the wish, and tells the node after the commit. */
export async function addCommand(
  tx: Transaction,
  bus: EventBus,
  actor: Actor,
  { server, kind, deadlineSeconds, payload, id }: NewCommand,
): Promise<Command> {
  const command = await tx.prisma.command.create({
    data: {
      id: id ?? newId(),
      nodeId: server.nodeId,
      serverId: server.id,
      kind,
      payload: payload ?? {},
      generation: server.generation,
      deadline: new Date(Date.now() + deadlineSeconds * 1000),
      actorId: actor.kind === 'user' ? actor.id : null,
      actorName: nameOf(actor),
    },
  })
  if ((ORDER_KINDS as readonly string[]).includes(kind)) {
    tx.afterCommit(() => {
      bus.publish('orders', { nodeId: server.nodeId, order: { kind: 'command', commandId: command.id } })
    })
  }
  return command
}

/** The time of wishes that waited for their node counts from now on. */
export async function renewWaitingWishes(tx: Transaction, nodeId: string): Promise<void> {
  await tx.prisma.$executeRaw`
    update "Command" set deadline = greatest(deadline, now() + make_interval(secs => coalesce((payload->>'seconds')::int, 600)))
    where "nodeId" = ${nodeId}::uuid and kind in ('START', 'STOP') and status in ('PENDING', 'SENT')`
}

type Outcome = { status: 'DONE' | 'FAILED' | 'EXPIRED' | 'SUPERSEDED'; errorCode?: string | null; error?: string | null }

/** Ends open commands; one that has ended keeps its first outcome. Returns those that ended now. */
export async function finishCommands(
  tx: Transaction,
  bus: EventBus,
  where: Prisma.CommandWhereInput,
  outcome: Outcome,
): Promise<Command[]> {
  const open = await tx.prisma.command.findMany({ where: { AND: [where, { status: { in: [...OPEN_STATUSES] } }] } })
  if (open.length === 0) return []
  await tx.prisma.command.updateMany({
    where: { id: { in: open.map((command) => command.id) }, status: { in: [...OPEN_STATUSES] } },
    data: { status: outcome.status, errorCode: outcome.errorCode ?? null, error: outcome.error ?? null, finishedAt: new Date() },
  })
  tx.afterCommit(() => {
    for (const command of open) bus.publish('commandFinished', { commandId: command.id })
  })
  return open
}
