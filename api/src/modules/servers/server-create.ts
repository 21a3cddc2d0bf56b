import { randomInt } from 'node:crypto'
import type { Transaction } from '../../db/database.ts'
import { once } from '../../db/idempotency.ts'
import { nameOf, type UserActor } from '../../lib/actor.ts'
import { ForbiddenError, NotFoundError, ValidationError } from '../../lib/errors.ts'
import { newId } from '../../lib/ids.ts'
import { reachStep } from '../../lib/step.ts'
import { validate } from '../../lib/validate.ts'
import { reservePorts, type WantedPort } from '../allocations/allocation-store.ts'
import { addCommand } from '../commands/command-store.ts'
import { specOf } from '../templates/template-service.ts'
import type { TemplatePort } from '../templates/template-spec.ts'
import { assertCores } from './cpuset.ts'
import { placeServer } from './placement.ts'
import type { CommandPayload } from './server-changes.ts'
import { recordServerEvent } from './server-events.ts'
import { createServerInput, variableValues, type CreateServerInput } from './server-input.ts'
import { hasPermission } from './server-policy.ts'
import { INSTALL_SECONDS } from './server-power.ts'
import type { ServerServiceDeps } from './server-service.ts'

const SLUG_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'
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

/**
 * Reserves room and ports, and begins the install. Id of the server.
 * @throws ValidationError, NotFoundError, ForbiddenError, PortUnavailableError, CapacityError, IdempotencyConflictError
 */
export function createServerCreate({ db, bus, audit }: Pick<ServerServiceDeps, 'db' | 'bus' | 'audit'>) {
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
    await assertCores(tx, nodeId, input.cpuset ?? '')
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
        cpuset: input.cpuset ?? '',
        diskMiB: input.diskMiB,
        activity: 'INSTALLING',
        startAfterInstall: input.start === true,
        variables: { create: [...values].map(([name, value]) => ({ name, value })) },
      },
    })
    tx.afterCommit(() => {
      reachStep('wish:committed', server.id)
    })
    await reservePorts(tx, { nodeId, serverId: server.id, wanted, actor })
    await recordServerEvent(tx, bus, server, 'CREATED', {}, nameOf(actor))
    tx.afterCommit(() => {
      bus.publish('orders', { nodeId: server.nodeId, order: { kind: 'assignment', serverId: server.id } })
      bus.publish('node', { nodeId: server.nodeId })
    })
    const installationId = newId()
    await tx.prisma.installation.create({ data: { id: installationId, serverId: server.id } })
    const payload: CommandPayload = { seconds: INSTALL_SECONDS, before: 'STOPPED', installationId }
    await addCommand(tx, bus, actor, { server, kind: 'INSTALL', deadlineSeconds: INSTALL_SECONDS, id: installationId, payload })
    await audit.record(tx, actor, {
      action: 'server:create',
      subject: { kind: 'server', id: server.id, name: server.name },
      change: { ownerId, nodeId: server.nodeId, memoryMiB: server.memoryMiB, cpuPercent: server.cpuPercent, diskMiB: server.diskMiB },
    })
    reachStep('wish:persisted', server.id)
    return { serverId: server.id }
  }

  return async (actor: UserActor, input: object): Promise<string> => {
    const parsed = validate(createServerInput, input)
    const { idempotencyKey, ...content } = parsed
    const { serverId } = await db.transaction((tx) =>
      once(tx, actor.id, 'createServer', idempotencyKey, content, () => create(tx, actor, parsed)),
    )
    return serverId
  }
}
