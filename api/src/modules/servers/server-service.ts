import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { SYSTEM, type SystemActor, type UserActor } from '../../lib/actor.ts'
import { NotFoundError } from '../../lib/errors.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { OPEN_STATUSES, type CommandView } from '../commands/command-view.ts'
import type { SampleStore } from '../metrics/sample-store.ts'
import { forEachServer, type BulkInput, type BulkOutcome } from './server-bulk.ts'
import type { ServerChanges } from './server-changes.ts'
import { createServerCreate } from './server-create.ts'
import { followServers, type ServerChange } from './server-feed.ts'
import type { HistoryEntry, HistoryFilter, ServerHistoryReadModel } from './server-history-read-model.ts'
import { createServerPower, type ServerPower } from './server-power.ts'
import type { ServerReadModel, ServerView } from './server-read-model.ts'
import { createServerRemoval, type RemoveInput } from './server-removal.ts'
import { createServerUpdate } from './server-update.ts'

export type BulkVerb = 'start' | 'stop' | 'restart' | 'kill' | 'remove'

/** What can be done with servers, and asked about them. Each part says what it throws. */
export type ServerService = Pick<ServerReadModel, 'page' | 'counts' | 'byIds'> &
  ServerPower & {
    create(actor: UserActor, input: object): Promise<string>
    update(actor: UserActor, input: object): Promise<string>
    remove(actor: UserActor, input: RemoveInput): Promise<string>
    /** The same for many servers. @throws ValidationError, IdempotencyConflictError */
    bulk(actor: UserActor, verb: BulkVerb, input: BulkInput): Promise<BulkOutcome[]>
    /** null when it is unknown, not visible or deleted. */
    byId(actor: UserActor, id: string): Promise<ServerView | null>
    /** A server that this request has changed. */
    known(id: string): Promise<ServerView>
    /** Those of these servers that are there. */
    allKnown(ids: readonly string[]): Promise<Map<string, ServerView>>
    /** Values of the template's variables, of each server. */
    variables(ids: readonly string[]): Promise<{ name: string; value: string }[][]>
    /** Changes of one visible server, or of all. @throws NotFoundError */
    events(actor: UserActor, serverId: string | null, signal: AbortSignal): Promise<AsyncGenerator<ServerChange, void, undefined>>
    /** What happened to a server, newest first; null when it is not visible. */
    history(actor: UserActor, serverId: string, request: PageRequest, filter: HistoryFilter): Promise<Page<HistoryEntry> | null>
    command(id: string): Promise<CommandView>
    commands(ids: readonly string[]): Promise<Map<string, CommandView>>
    /** The open order or wish of each server that waits for its node. */
    waitingCommands(serverIds: readonly string[]): Promise<Map<string, CommandView>>
  }

export type ServerServiceDeps = {
  db: Database
  bus: EventBus
  audit: AuditService
  samples: SampleStore
  changes: ServerChanges
  readModel: ServerReadModel
  history: ServerHistoryReadModel
}

const WITH_NODE = { node: { select: { isOnline: true } } } as const

export function createServerService(deps: ServerServiceDeps): ServerService {
  const { db, bus, readModel, history } = deps
  const power = createServerPower(deps)
  const remove = createServerRemoval(deps)

  async function byId(actor: UserActor | SystemActor, id: string): Promise<ServerView | null> {
    const [server] = await readModel.byIds(actor, [id])
    return server?.deletedAt === null ? server : null
  }

  return {
    page: readModel.page,
    counts: readModel.counts,
    byIds: readModel.byIds,
    byId,
    ...power,
    create: createServerCreate(deps),
    update: createServerUpdate(deps),
    remove,

    bulk(actor, verb, input) {
      return forEachServer(db, actor, `${verb}Servers`, input, async (_actor, one) =>
        verb === 'remove' ? { serverId: await remove(actor, one), commandId: null } : power[verb](actor, one),
      )
    },

    async known(id) {
      const [server] = await readModel.byIds(SYSTEM, [id])
      if (server === undefined) throw new NotFoundError('The server')
      return server
    },

    async allKnown(ids) {
      return new Map((await readModel.byIds(SYSTEM, ids)).map((server) => [server.id, server]))
    },

    async variables(ids) {
      const rows = await db.prisma.serverVariable.findMany({ where: { serverId: { in: [...ids] } }, orderBy: { name: 'asc' } })
      const byServer = Map.groupBy(rows, (row) => row.serverId)
      return ids.map((id) => byServer.get(id) ?? [])
    },

    async events(actor, serverId, signal) {
      if (serverId !== null && (await byId(actor, serverId)) === null) throw new NotFoundError('The server')
      return followServers({ db, bus, readModel }, actor, serverId, signal)
    },

    async history(actor, serverId, request, filter) {
      return (await byId(actor, serverId)) === null ? null : history.page(serverId, request, filter)
    },

    async command(id) {
      const command = await db.prisma.command.findUnique({ where: { id }, include: WITH_NODE })
      if (command === null) throw new NotFoundError('The command')
      return command
    },

    async commands(ids) {
      const rows = await db.prisma.command.findMany({ where: { id: { in: [...ids] } }, include: WITH_NODE })
      return new Map(rows.map((row) => [row.id, row]))
    },

    async waitingCommands(serverIds) {
      const kinds = ['START', 'STOP', 'RESTART', 'KILL', 'INSTALL'] as const
      const rows = await db.prisma.command.findMany({
        where: { serverId: { in: [...serverIds] }, kind: { in: [...kinds] }, status: { in: [...OPEN_STATUSES] } },
        include: WITH_NODE,
        orderBy: { position: 'asc' },
      })
      return new Map(rows.map((row) => [row.serverId, row]))
    },
  }
}
