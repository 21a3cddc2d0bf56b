import { randomInt } from 'node:crypto'
import type { Prisma, Server } from '@catalyst/prisma/client'
import type { Database, Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { nameOf, SYSTEM, type Actor, type SystemActor, type UserActor } from '../../lib/actor.ts'
import { ForbiddenError, NotFoundError, StateConflictError, ValidationError } from '../../lib/errors.ts'
import { once } from '../../db/idempotency.ts'
import { newId } from '../../lib/ids.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import type { Permission } from '../../lib/permissions.ts'
import { validate } from '../../lib/validate.ts'
import { reservePorts, type WantedPort } from '../allocations/allocation-store.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { addCommand, finishCommands } from '../commands/command-store.ts'
import { OPEN_STATUSES, type CommandView } from '../commands/command-view.ts'
import { specOf } from '../templates/template-service.ts'
import type { TemplatePort } from '../templates/template-spec.ts'
import { placeServer } from './placement.ts'
import { forEachServer, type BulkInput, type BulkOutcome } from './server-bulk.ts'
import { recordServerEvent, type ServerEventKind } from './server-events.ts'
import { followServers, type ServerChange } from './server-feed.ts'
import { createServerInput, variableValues, type CreateServerInput } from './server-input.ts'
import type { HistoryEntry, ServerHistoryReadModel } from './server-history-read-model.ts'
import { lockServer, type LockedServer } from './server-lock.ts'
import { demand, hasPermission } from './server-policy.ts'
import type { ServerReadModel, ServerView } from './server-read-model.ts'
import { statusOf } from './server-status.ts'
import { createServerUpdate } from './server-update.ts'

export type BulkVerb = 'start' | 'stop' | 'restart' | 'kill' | 'remove'
export type PowerInput = { id: string; idempotencyKey?: string | null | undefined }
/** Ids of what a power order changed and made. */
export type PowerResult = { serverId: string; commandId: string }

export type ServerService = Pick<ServerReadModel, 'page' | 'counts' | 'byIds'> & {
  /** null when it is unknown, not visible or deleted. */
  byId(actor: UserActor, id: string): Promise<ServerView | null>
  /** A server that this request has changed. */
  known(id: string): Promise<ServerView>
  /** Values of the template's variables, of each server. */
  variables(ids: readonly string[]): Promise<{ name: string; value: string }[][]>
  /** Changes of one visible server, or of all. @throws NotFoundError */
  events(actor: UserActor, serverId: string | null, signal: AbortSignal): Promise<AsyncGenerator<ServerChange, void, undefined>>
  /** Reserves room and ports, and begins the install. Id of the server. @throws ValidationError, NotFoundError, PortUnavailableError, CapacityError, IdempotencyConflictError */
  create(actor: UserActor, input: object): Promise<string>
  /** Each stores the wish, then tells the node. @throws NotFoundError, ForbiddenError, StateConflictError, IdempotencyConflictError */
  start(actor: UserActor, input: PowerInput): Promise<PowerResult>
  stop(actor: UserActor, input: PowerInput): Promise<PowerResult>
  restart(actor: UserActor, input: PowerInput): Promise<PowerResult>
  kill(actor: UserActor, input: PowerInput): Promise<PowerResult>
  install(actor: UserActor, input: PowerInput): Promise<PowerResult>
  abortInstallation(actor: UserActor, input: PowerInput): Promise<PowerResult>
  /** Hides it at once; the row goes when the node has confirmed that everything is gone. */
  remove(actor: UserActor, input: PowerInput): Promise<string>
  command(id: string): Promise<CommandView>
  /** The open order or wish of each server that waits for its node. */
  waitingCommands(serverIds: readonly string[]): Promise<Map<string, CommandView>>
  /** @throws ValidationError, NotFoundError, ForbiddenError, CapacityError, IdempotencyConflictError */
  update(actor: UserActor, input: object): Promise<string>
  /** The same for many servers. @throws ValidationError, IdempotencyConflictError */
  bulk(actor: UserActor, verb: BulkVerb, input: BulkInput): Promise<BulkOutcome[]>
  /** What happened to a server, newest first; null when it is not visible. */
  history(actor: UserActor, serverId: string, request: PageRequest): Promise<Page<HistoryEntry> | null>
}

const START_DEADLINE_SECONDS = 600
const STOP_GRACE_SECONDS = 90
const KILL_DEADLINE_SECONDS = 120
/** Building an image and running a long script. */
const INSTALL_DEADLINE_SECONDS = 6 * 3600
const SLUG_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'
const WITH_NODE = { node: { select: { isOnline: true } } } as const
const PROTOCOLS = { tcp: 'TCP', udp: 'UDP', both: 'BOTH' } as const
const newSlug = () => Array.from({ length: 8 }, () => SLUG_ALPHABET[randomInt(SLUG_ALPHABET.length)]).join('')

/** What a template's ports ask of the stock. @throws ValidationError for unknown and repeated names */
function wantedPorts(
  ports: readonly TemplatePort[],
  chosen: readonly { name: string; ip?: string | null | undefined; port: number }[],
): WantedPort[] {
  const names = chosen.map((port) => port.name)
  for (const [index, name] of names.entries()) {
    const path = ['ports', String(index), 'name']
    if (!ports.some((port) => port.name === name))
      throw new ValidationError([{ path, code: 'UNKNOWN', message: 'is no port of this template' }])
    if (names.indexOf(name) !== index) throw new ValidationError([{ path, code: 'DUPLICATE', message: 'is named twice' }])
  }
  return ports.map(({ name, protocol, primary }, position) => {
    const index = names.indexOf(name)
    const choice = chosen[index]
    return {
      name,
      protocol: PROTOCOLS[protocol],
      isPrimary: primary,
      position,
      ip: choice?.ip ?? null,
      port: choice?.port ?? null,
      path: ['ports', String(index), 'port'],
    }
  })
}

export type ServerServiceDeps = {
  db: Database
  bus: EventBus
  audit: AuditService
  readModel: ServerReadModel
  history: ServerHistoryReadModel
}

export function createServerService({ db, bus, audit, readModel, history }: ServerServiceDeps): ServerService {
  const stopSeconds = (server: LockedServer) => specOf(server.template).stop.timeoutSeconds + STOP_GRACE_SECONDS

  function conflict(server: LockedServer, message: string): StateConflictError {
    return new StateConflictError(statusOf({ ...server, isStale: !server.node.isOnline }), message)
  }

  /** A new wish: the generation grows, and whatever was wanted before is superseded. */
  async function wish(
    tx: Transaction,
    actor: Actor,
    server: LockedServer,
    kind: ServerEventKind,
    desiredState: 'RUNNING' | 'STOPPED',
    change: Prisma.ServerUpdateInput = {},
  ): Promise<Server> {
    const updated = await tx.prisma.server.update({
      where: { id: server.id, revision: server.revision },
      data: { desiredState, generation: { increment: 1 }, revision: { increment: 1 }, ...change },
    })
    await finishCommands(tx, bus, { serverId: server.id, kind: { in: ['START', 'STOP', 'RESTART'] } }, { status: 'SUPERSEDED' })
    await recordServerEvent(tx, bus, server, kind, {}, nameOf(actor))
    tx.afterCommit(() => {
      bus.publish('orders', { nodeId: server.nodeId, order: { kind: 'assignment', serverId: server.id } })
    })
    return updated
  }

  async function queueInstall(tx: Transaction, actor: Actor, server: Server): Promise<string> {
    const id = newId()
    await tx.prisma.installation.create({ data: { id, serverId: server.id } })
    await addCommand(tx, bus, actor, {
      server,
      kind: 'INSTALL',
      deadlineSeconds: INSTALL_DEADLINE_SECONDS,
      id,
      payload: { installationId: id },
    })
    return id
  }

  /** One power order: right, state, wish, command, audit, all in one transaction. */
  function order(
    permission: Permission,
    mutation: string,
    work: (tx: Transaction, actor: UserActor, server: LockedServer) => Promise<string>,
  ) {
    return async (actor: UserActor, { id, idempotencyKey }: PowerInput): Promise<PowerResult> =>
      db.transaction((tx) =>
        once(tx, actor.id, mutation, idempotencyKey, { id }, async () => {
          const server = await lockServer(tx, id)
          demand(actor, server, permission)
          if (server === null) throw new NotFoundError('The server')
          const commandId = await work(tx, actor, server)
          await audit.record(tx, actor, { action: permission, subject: { kind: 'server', id: server.id, name: server.name } })
          return { serverId: server.id, commandId }
        }),
      )
  }

  function assertReady(server: LockedServer): void {
    if (server.activity !== 'NONE') throw conflict(server, 'The server is busy: wait for it, or cancel it.')
    if (server.installedAt === null) throw conflict(server, 'The server is not installed yet.')
  }

  const noProblem = { problemCode: null, problemMessage: null, problemAt: null }

  async function create(tx: Transaction, actor: UserActor, input: CreateServerInput): Promise<{ serverId: string }> {
    const ownerId = input.ownerId ?? actor.id
    if (ownerId !== actor.id && !hasPermission(actor, 'server:create-for-others')) throw new ForbiddenError('server:create-for-others')
    const template = await tx.prisma.template.findUnique({ where: { id: input.templateId } })
    if (template === null) throw new NotFoundError('The template')
    if ((await tx.prisma.user.count({ where: { id: ownerId } })) === 0)
      throw new ValidationError([{ path: ['ownerId'], code: 'UNKNOWN', message: 'is no user' }])
    const spec = specOf(template)
    const values = variableValues(spec, input.variables ?? [])
    const wanted = wantedPorts(spec.ports, input.ports ?? [])
    const nodeId = await placeServer(tx, actor, {
      nodeId: input.nodeId ?? null,
      location: input.location || null,
      tags: input.tags ?? [],
      memoryMiB: input.memoryMiB,
      cpuPercent: input.cpuPercent,
      diskMiB: input.diskMiB,
      ports: wanted,
    })
    const server = await tx.prisma.server.create({
      data: {
        id: newId(),
        slug: newSlug(),
        name: input.name,
        ownerId,
        nodeId,
        templateId: template.id,
        memoryMiB: input.memoryMiB,
        cpuPercent: input.cpuPercent,
        diskMiB: input.diskMiB,
        activity: 'INSTALLING',
        startAfterInstall: input.start === true,
        variables: { create: [...values].map(([name, value]) => ({ name, value })) },
      },
    })
    await reservePorts(tx, { nodeId, serverId: server.id, wanted, actor })
    await recordServerEvent(tx, bus, server, 'CREATED', {}, nameOf(actor))
    tx.afterCommit(() => {
      bus.publish('orders', { nodeId: server.nodeId, order: { kind: 'assignment', serverId: server.id } })
      bus.publish('node', { nodeId: server.nodeId })
    })
    await queueInstall(tx, actor, server)
    await audit.record(tx, actor, {
      action: 'server:create',
      subject: { kind: 'server', id: server.id, name: server.name },
      change: { ownerId, nodeId: server.nodeId, memoryMiB: server.memoryMiB, cpuPercent: server.cpuPercent, diskMiB: server.diskMiB },
    })
    return { serverId: server.id }
  }

  async function byId(actor: UserActor | SystemActor, id: string): Promise<ServerView | null> {
    const [server] = await readModel.byIds(actor, [id])
    return server?.deletedAt === null ? server : null
  }

  const service: ServerService = {
    page: readModel.page,
    counts: readModel.counts,
    byIds: readModel.byIds,
    byId,

    async known(id) {
      const [server] = await readModel.byIds(SYSTEM, [id])
      if (server === undefined) throw new NotFoundError('The server')
      return server
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

    async create(actor, input) {
      const parsed = validate(createServerInput, input)
      const { idempotencyKey, ...content } = parsed
      const { serverId } = await db.transaction((tx) =>
        once(tx, actor.id, 'createServer', idempotencyKey, content, () => create(tx, actor, parsed)),
      )
      return serverId
    },

    start: order('server:start', 'startServer', async (tx, actor, server) => {
      assertReady(server)
      if (server.desiredState === 'RUNNING' && (server.state === 'RUNNING' || server.state === 'STARTING'))
        throw conflict(server, 'The server is running already.')
      const updated = await wish(tx, actor, server, 'START', 'RUNNING', noProblem)
      return (await addCommand(tx, bus, actor, { server: updated, kind: 'START', deadlineSeconds: START_DEADLINE_SECONDS })).id
    }),

    stop: order('server:stop', 'stopServer', async (tx, actor, server) => {
      assertReady(server)
      if (server.desiredState === 'STOPPED' && server.state !== 'RUNNING' && server.state !== 'STARTING')
        throw conflict(server, server.state === 'STOPPING' ? 'The server is stopping already.' : 'The server is not running.')
      const updated = await wish(tx, actor, server, 'STOP', 'STOPPED')
      return (await addCommand(tx, bus, actor, { server: updated, kind: 'STOP', deadlineSeconds: stopSeconds(server) })).id
    }),

    restart: order('server:restart', 'restartServer', async (tx, actor, server) => {
      assertReady(server)
      const updated = await wish(tx, actor, server, 'RESTART', 'RUNNING', noProblem)
      return (
        await addCommand(tx, bus, actor, {
          server: updated,
          kind: 'RESTART',
          deadlineSeconds: stopSeconds(server) + START_DEADLINE_SECONDS,
        })
      ).id
    }),

    kill: order('server:kill', 'killServer', async (tx, actor, server) => {
      if (server.installedAt === null) throw conflict(server, 'The server is not installed yet.')
      const updated = await wish(tx, actor, server, 'KILL', 'STOPPED')
      return (await addCommand(tx, bus, actor, { server: updated, kind: 'KILL', deadlineSeconds: KILL_DEADLINE_SECONDS })).id
    }),

    install: order('server:install', 'installServer', async (tx, actor, server) => {
      if (server.activity !== 'NONE') throw conflict(server, 'The server is busy already.')
      if (server.state !== 'STOPPED' && server.state !== 'CRASHED' && server.state !== 'ERROR')
        throw conflict(server, 'Stop the server first.')
      const updated = await wish(tx, actor, server, 'INSTALL', 'STOPPED', { ...noProblem, activity: 'INSTALLING' })
      return queueInstall(tx, actor, updated)
    }),

    abortInstallation: order('server:install', 'abortInstallation', async (tx, actor, server) => {
      if (server.activity !== 'INSTALLING') throw conflict(server, 'No install is running.')
      return (await addCommand(tx, bus, actor, { server, kind: 'ABORT_INSTALL', deadlineSeconds: KILL_DEADLINE_SECONDS })).id
    }),

    async remove(actor, { id, idempotencyKey }) {
      const { serverId } = await db.transaction((tx) =>
        once(tx, actor.id, 'deleteServer', idempotencyKey, { id }, async () => {
          const server = await lockServer(tx, id)
          demand(actor, server, 'server:delete')
          if (server === null) throw new NotFoundError('The server')
          await wish(tx, actor, server, 'DELETE', 'STOPPED', { deletedAt: new Date() })
          await finishCommands(tx, bus, { serverId: id }, { status: 'SUPERSEDED' })
          await audit.record(tx, actor, { action: 'server:delete', subject: { kind: 'server', id, name: server.name } })
          return { serverId: id }
        }),
      )
      return serverId
    },

    async command(id) {
      const command = await db.prisma.command.findUnique({ where: { id }, include: WITH_NODE })
      if (command === null) throw new NotFoundError('The command')
      return command
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

    update: createServerUpdate({ db, bus, audit }),

    bulk(actor, verb, input) {
      return forEachServer(db, actor, `${verb}Servers`, input, async (_actor, one) =>
        verb === 'remove' ? { serverId: await service.remove(actor, one), commandId: null } : service[verb](actor, one),
      )
    },

    async history(actor, serverId, request) {
      return (await byId(actor, serverId)) === null ? null : history.page(serverId, request)
    },
  }
  return service
}
