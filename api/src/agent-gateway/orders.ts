import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { isUnavailable } from '../db/unavailable.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { AgentActor } from '../lib/actor.ts'
import { reachStep } from '../lib/step.ts'
import { ORDER_KINDS, type Command } from '../modules/commands/command-store.ts'
import { OPEN_STATUSES } from '../modules/commands/command-view.ts'
import type { ConsoleService } from '../modules/console/console-service.ts'
import type { MetricsService } from '../modules/metrics/metrics-service.ts'
import { assignmentOf, type Assignment } from '../modules/servers/assignment.ts'
import { readTombstones, WITH_PARTS } from '../modules/servers/tombstone-store.ts'

type OrderKind = (typeof ORDER_KINDS)[number]

export type Order =
  | { kind: 'AssignmentSnapshotOrder'; assignments: Assignment[]; isLast: boolean }
  | { kind: 'AssignmentOrder'; assignment: Assignment }
  | {
      kind: 'CommandOrder'
      id: string
      serverId: string
      commandKind: OrderKind
      generation: number
      deadlineSeconds: number
      consoleInput: string | null
      actor: string
      installationId: string | null
    }
  | { kind: 'WatchOrder'; serverIds: string[]; isNodeWatched: boolean }

const SNAPSHOT_PART = 20
const RETRY_MS = 500
/** A session that does not take its orders is ended instead of growing. */
const MOST_WAITING = 2000

const isOrderKind = (kind: string): kind is OrderKind => (ORDER_KINDS as readonly string[]).includes(kind)

export type OrdersDeps = { db: Database; bus: EventBus; console: ConsoleService; metrics: MetricsService }

/** The orders of one session, in the order in which they were decided. */
export async function* streamOrders(
  { db, bus, console, metrics }: OrdersDeps,
  agent: AgentActor,
  signal: AbortSignal,
): AsyncGenerator<Order, void, undefined> {
  // Listens before it reads: what is decided meanwhile comes after the snapshot, maybe twice, which is harmless.
  const orders = bus.subscribe('orders', { signal, limit: MOST_WAITING })
  type Wake =
    | { kind: 'order'; order: { kind: 'assignment'; serverId: string } | { kind: 'command'; commandId: string } }
    | { kind: 'watch' }
  const wakes: Wake[] = []
  let wake: (() => void) | null = null
  const push = (event: Wake) => {
    wakes.push(event)
    wake?.()
  }
  let failure: unknown = null
  const reading = (async () => {
    for await (const { nodeId, order } of orders) if (nodeId === agent.id) push({ kind: 'order', order })
  })().catch((error: unknown) => {
    failure = error
    wake?.()
  })
  const own = new Set<string>()
  const watchChanged = () => {
    if (!wakes.some((event) => event.kind === 'watch')) push({ kind: 'watch' })
  }
  const offWatched = bus.on('watched', ({ serverId }) => {
    if (own.has(serverId)) watchChanged()
  })
  const offNodeWatched = bus.on('nodeWatched', ({ nodeId }) => {
    if (nodeId === agent.id) watchChanged()
  })
  const toWatch = (): Order => ({
    kind: 'WatchOrder',
    serverIds: metrics.watched([...own]),
    isNodeWatched: metrics.isNodeWatched(agent.id),
  })
  const abort = () => wake?.()
  signal.addEventListener('abort', abort)

  const toAssignment = async (server: Parameters<typeof assignmentOf>[0]) => assignmentOf(server, await console.durableEnd(server.id))

  async function toCommand(command: Command): Promise<Order | null> {
    if (!isOrderKind(command.kind)) return null
    await db.prisma.command.updateMany({ where: { id: command.id, status: 'PENDING' }, data: { status: 'SENT', sentAt: new Date() } })
    const payload = command.payload as { consoleInput?: string; installationId?: string }
    reachStep('order:sending', command.serverId)
    return {
      kind: 'CommandOrder',
      id: command.id,
      serverId: command.serverId,
      commandKind: command.kind,
      generation: command.generation,
      deadlineSeconds: Math.ceil((command.deadline.getTime() - Date.now()) / 1000),
      consoleInput: payload.consoleInput ?? null,
      actor: command.actorName,
      installationId: payload.installationId ?? null,
    }
  }

  async function orderOf(event: Wake): Promise<Order | null> {
    if (event.kind === 'watch') return toWatch()
    if (event.order.kind === 'command') {
      const command = await db.prisma.command.findFirst({
        where: { id: event.order.commandId, nodeId: agent.id, status: { in: [...OPEN_STATUSES] } },
      })
      return command === null ? null : toCommand(command)
    }
    const server = await db.prisma.server.findFirst({ where: { id: event.order.serverId, nodeId: agent.id }, include: WITH_PARTS })
    if (server === null) {
      const [assignment] = await readTombstones(db, agent.id, event.order.serverId)
      return assignment === undefined ? null : { kind: 'AssignmentOrder', assignment }
    }
    own.add(server.id)
    await db.prisma.command.updateMany({
      where: { serverId: server.id, kind: { in: ['START', 'STOP'] }, status: 'PENDING' },
      data: { status: 'SENT', sentAt: new Date() },
    })
    const assignment = await toAssignment(server)
    reachStep('order:sending', server.id)
    return { kind: 'AssignmentOrder', assignment }
  }

  /** Waits for a database that is away: the session goes on, and no order is left out. */
  async function patiently<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await read()
      } catch (error) {
        if (signal.aborted || !isUnavailable(error)) throw error
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  try {
    let last: string | undefined
    for (let isLast = false; !isLast;) {
      const after = last
      const servers = await patiently(() =>
        db.prisma.server.findMany({
          where: { nodeId: agent.id, ...(after === undefined ? {} : { id: { gt: after } }) },
          include: WITH_PARTS,
          orderBy: { id: 'asc' },
          take: SNAPSHOT_PART,
        }),
      )
      isLast = servers.length < SNAPSHOT_PART
      last = servers.at(-1)?.id
      for (const server of servers) own.add(server.id)
      const assignments = await patiently(() => Promise.all(servers.map(toAssignment)))
      if (isLast) assignments.push(...(await patiently(() => readTombstones(db, agent.id))))
      yield { kind: 'AssignmentSnapshotOrder', assignments, isLast }
    }
    const open = await patiently(() =>
      db.prisma.command.findMany({
        where: { nodeId: agent.id, kind: { in: [...ORDER_KINDS] }, status: { in: [...OPEN_STATUSES] } },
        orderBy: { position: 'asc' },
      }),
    )
    for (const command of open) {
      const order = await patiently(() => toCommand(command))
      if (order !== null) yield order
    }
    yield toWatch()
    while (!signal.aborted) {
      if (failure !== null) throw failure as Error
      const event = wakes.shift()
      if (event !== undefined) {
        const order = await patiently(() => orderOf(event))
        if (order !== null) yield order
        continue
      }
      await new Promise<void>((resolve) => {
        wake = resolve
        if (signal.aborted || failure !== null) resolve()
      })
      wake = null
    }
  } finally {
    offWatched()
    offNodeWatched()
    signal.removeEventListener('abort', abort)
    void orders.return?.()
    await reading
  }
}
