import type { Prisma } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'

/** What the history of a node tells. */
export const NODE_EVENT_KINDS = [
  'ENROLLED',
  'ONLINE',
  'OFFLINE',
  'RENAMED',
  'CHANGED',
  'MAINTENANCE_ON',
  'MAINTENANCE_OFF',
  'REKEYED',
  'CLOCK_OFF',
  'METRICS_GAP',
] as const
export type NodeEventKind = (typeof NODE_EVENT_KINDS)[number]

/** Why a node was shown as away. */
export type OfflineReason = 'DISCONNECTED' | 'API_STARTED' | 'REKEYED'

/** A clock that is wrong by more shows wrong times to people: the node warns. */
const CLOCK_WARNING_MS = 5_000
/** What the column holds: 24 days. */
const MOST_OFFSET_MS = 2 ** 31 - 1

/** Puts an event into a node's history, and tells of the node after the commit. */
export async function recordNodeEvent(
  tx: Transaction,
  bus: EventBus,
  nodeId: string,
  kind: NodeEventKind,
  data: Prisma.InputJsonObject = {},
  actorName: string | null = null,
): Promise<void> {
  await tx.prisma.nodeEvent.create({ data: { nodeId, kind, data, actorName } })
  tx.afterCommit(() => {
    bus.publish('node', { nodeId })
  })
}

/** Shows the node as there; true when it was away. Repeating it does nothing. */
export async function markOnline(tx: Transaction, bus: EventBus, nodeId: string): Promise<boolean> {
  const { count } = await tx.prisma.node.updateMany({
    where: { id: nodeId, isOnline: false },
    data: { isOnline: true, lastSeenAt: new Date() },
  })
  if (count > 0) await recordNodeEvent(tx, bus, nodeId, 'ONLINE')
  return count > 0
}

/** Shows the node as away when this session of it is still the newest; true when it was. */
export async function markOffline(
  tx: Transaction,
  bus: EventBus,
  node: { id: string; sessionId: string },
  reason: OfflineReason,
): Promise<boolean> {
  const where = { id: node.id, sessionId: node.sessionId }
  const wasOnline = await tx.prisma.node.updateMany({ where: { ...where, isOnline: true }, data: { isOnline: false } })
  const { count } = await tx.prisma.node.updateMany({ where, data: { sessionId: null } })
  if (wasOnline.count > 0) await recordNodeEvent(tx, bus, node.id, 'OFFLINE', { reason })
  return count > 0
}

/** Shows every node as away: no agent is connected to a process that has just begun. */
export async function markAllOffline(tx: Transaction, bus: EventBus): Promise<void> {
  const online = await tx.prisma.node.findMany({ where: { isOnline: true }, select: { id: true }, orderBy: { id: 'asc' } })
  await tx.prisma.node.updateMany({ data: { sessionId: null, isOnline: false } })
  for (const { id } of online) await recordNodeEvent(tx, bus, id, 'OFFLINE', { reason: 'API_STARTED' satisfies OfflineReason })
}

/** Keeps how far the node's wall clock is off; the history says when that passes 5 s. */
export async function recordClockOffset(tx: Transaction, bus: EventBus, nodeId: string, measuredMs: number): Promise<void> {
  const offsetMs = Math.round(Math.min(Math.max(measuredMs, -MOST_OFFSET_MS), MOST_OFFSET_MS))
  const node = await tx.prisma.node.findUniqueOrThrow({ where: { id: nodeId }, select: { clockOffsetMs: true } })
  await tx.prisma.node.update({ where: { id: nodeId }, data: { clockOffsetMs: offsetMs } })
  const isOff = Math.abs(offsetMs) > CLOCK_WARNING_MS
  if (isOff === Math.abs(node.clockOffsetMs ?? 0) > CLOCK_WARNING_MS) return
  if (isOff) await recordNodeEvent(tx, bus, nodeId, 'CLOCK_OFF', { offsetSeconds: offsetMs / 1000 })
  else
    tx.afterCommit(() => {
      bus.publish('node', { nodeId })
    })
}
