import type { ExitReason } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import type { BusEvents } from '../../events/bus-events.ts'
import type { EventBus } from '../../events/event-bus.ts'

/** What agents tell of their own accord. INSTALL_CUT: the agent died in the middle of an install. */
export const AGENT_EVENT_KINDS = ['STARTED', 'READY', 'EXITED', 'RESTART_PLANNED', 'GAVE_UP', 'INSTALL_CUT'] as const

/** Everything that a history shows. */
export const HISTORY_KINDS = [
  'CREATED',
  'START',
  'STOP',
  'RESTART',
  'KILL',
  'INSTALL',
  'ABORT_INSTALL',
  'DELETE',
  'SETTINGS_CHANGED',
  'COMMAND_EXPIRED',
  'INSTALL_SUCCEEDED',
  'INSTALL_FAILED',
  'INSTALL_ABORTED',
  'METRICS_GAP',
  ...AGENT_EVENT_KINDS,
] as const

export type HistoryKind = (typeof HISTORY_KINDS)[number]

/** Something that happened to a server. CHANGED: it shows something else, which is no entry of its history. */
export type ServerEventKind = HistoryKind | 'CHANGED'

/** One setting before and after, as text for people. */
export type SettingChange = { setting: string; before: string; after: string }

/** What an event has besides its kind and its time. */
export type ServerEventData = {
  code?: number | null
  reason?: string | null
  message?: string | null
  attempt?: number | null
  /** RFC 3339. */
  nextAt?: string | null
  runId?: string | null
  /** Of METRICS_GAP: its two ends, RFC 3339. */
  from?: string
  to?: string
  changes?: SettingChange[]
}

export type AgentEvent = {
  serverId: string
  sequence: number
  at: Date
  kind: (typeof AGENT_EVENT_KINDS)[number]
  runId: string | null
  code: number | null
  reason: ExitReason | null
  message: string | null
  attempt: number | null
  nextAt: Date | null
}

type Subject = { id: string; ownerId: string }

function publishLater(
  tx: Transaction,
  bus: EventBus,
  server: Subject,
  event: { id: bigint; kind: string; occurredAt: Date },
  last?: object,
): void {
  const kind: BusEvents['server']['kind'] = event.kind === 'CREATED' ? 'CREATED' : event.kind === 'DELETE' ? 'DELETED' : 'CHANGED'
  tx.afterCommit(() => {
    bus.publish('server', {
      serverId: server.id,
      ownerId: server.ownerId,
      sequence: Number(event.id),
      kind,
      occurredAt: event.occurredAt,
      ...(last === undefined ? {} : { last }),
    })
  })
}

/**
 * Puts an event into a server's history, and tells it after the commit.
 * @param last the server as viewers see it, when its row will be gone by then
 */
export async function recordServerEvent(
  tx: Transaction,
  bus: EventBus,
  server: Subject,
  kind: ServerEventKind,
  data: ServerEventData,
  actorName: string | null,
  last?: object,
): Promise<void> {
  const event = await tx.prisma.serverEvent.create({ data: { serverId: server.id, kind, data, actorName } })
  publishLater(tx, bus, server, event, last)
}

/** Stores what an agent told, each once: what came before is passed over. Servers that are gone have no history any more. */
export async function recordAgentEvents(tx: Transaction, bus: EventBus, storeId: string, events: readonly AgentEvent[]): Promise<void> {
  const servers = await tx.prisma.server.findMany({
    where: { id: { in: [...new Set(events.map((event) => event.serverId))] } },
    select: { id: true, ownerId: true },
  })
  const owners = new Map(servers.map((server) => [server.id, server]))
  const known = events.flatMap((event) => {
    const server = owners.get(event.serverId.toLowerCase())
    return server === undefined ? [] : [{ event, server }]
  })
  const rows = await tx.prisma.serverEvent.createManyAndReturn({
    data: known.map(({ event: { sequence, at, kind, runId, code, reason, message, attempt, nextAt }, server }) => ({
      serverId: server.id,
      kind,
      occurredAt: at,
      agentEpoch: storeId,
      agentSequence: sequence,
      data: { runId, code, reason, message, attempt, nextAt: nextAt?.toISOString() ?? null },
    })),
    skipDuplicates: true,
  })
  for (const row of rows) {
    const server = owners.get(row.serverId)
    if (server !== undefined) publishLater(tx, bus, server, row)
  }
}
