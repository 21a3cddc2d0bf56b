import type { Server } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import { once } from '../../db/idempotency.ts'
import type { UserActor } from '../../lib/actor.ts'
import { ForbiddenError, NotFoundError } from '../../lib/errors.ts'
import { reachStep } from '../../lib/step.ts'
import { validate } from '../../lib/validate.ts'
import { specOf } from '../templates/template-service.ts'
import { assertCores } from './cpuset.ts'
import { assertRoom, lockNodeOf } from './placement.ts'
import type { SettingChange } from './server-events.ts'
import { updateServerInput, variableValues, type UpdateServerInput } from './server-input.ts'
import { lockServer } from './server-lock.ts'
import { demand, hasPermission } from './server-policy.ts'
import type { ServerServiceDeps } from './server-service.ts'

const RESERVED = ['memoryMiB', 'cpuPercent', 'diskMiB'] as const
const LIMITS: readonly string[] = [...RESERVED, 'cpuset']

/** The columns that the input sets. */
function columnsOf({ name, memoryMiB, cpuPercent, cpuset, diskMiB, restartPolicy, bootPolicy, stop }: UpdateServerInput) {
  const columns = {
    name,
    memoryMiB,
    cpuPercent,
    cpuset,
    diskMiB,
    bootPolicy,
    crashPolicy: restartPolicy?.policy,
    cleanExitCodes: restartPolicy?.cleanExitCodes,
    maximumRestarts: restartPolicy?.maximumRestarts,
    restartWindowSeconds: restartPolicy?.windowSeconds,
  }
  const given = Object.fromEntries(Object.entries(columns).filter(([, value]) => value != null)) as Partial<Server>
  // The stop rule is replaced as a whole: what it leaves out is as the template says.
  if (stop !== undefined)
    Object.assign(given, {
      stopCommand: stop?.command ?? null,
      stopSignal: stop?.signal ?? null,
      stopTimeoutSeconds: stop?.timeoutSeconds ?? null,
    } satisfies Partial<Server>)
  return given
}

const asText = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : `${(value ?? '') as string | number}`)

/** Reserves what it grows by; the node's row is locked, so that a create at the same time cannot sell the same room. */
async function reserveGrowth(tx: Transaction, server: Server, wanted: Partial<Server>): Promise<void> {
  const grown = (name: (typeof RESERVED)[number]) => {
    const by = (wanted[name] ?? server[name]) - server[name]
    return by > 0 ? by : -Infinity
  }
  const growth = { memoryMiB: grown('memoryMiB'), cpuPercent: grown('cpuPercent'), diskMiB: grown('diskMiB') }
  if (Math.max(...Object.values(growth)) > 0) await assertRoom(tx, server.nodeId, growth)
}

/**
 * Changes settings of a server. Limits are the agent's at once, what else a run goes by comes with its next start.
 * Id of the server. @throws ValidationError, NotFoundError, ForbiddenError, CapacityError, IdempotencyConflictError
 */
export function createServerUpdate({ db, bus, audit, changes }: Pick<ServerServiceDeps, 'db' | 'bus' | 'audit' | 'changes'>) {
  async function update(tx: Transaction, actor: UserActor, input: UpdateServerInput): Promise<{ serverId: string }> {
    if (RESERVED.some((name) => input[name] != null)) await lockNodeOf(tx, input.id)
    const server = await lockServer(tx, input.id)
    demand(actor, server, 'server:update')
    if (server === null) throw new NotFoundError('The server')
    tx.afterCommit(() => {
      reachStep('wish:committed', server.id)
    })
    const wanted = columnsOf(input)
    const changed = Object.entries(wanted).filter(([name, value]) => asText(server[name as keyof Server]) !== asText(value))
    const changesLimits = changed.some(([name]) => LIMITS.includes(name))
    if (changesLimits && !hasPermission(actor, 'server:update-limits')) throw new ForbiddenError('server:update-limits')
    const current = await tx.prisma.serverVariable.findMany({ where: { serverId: server.id } })
    const values = input.variables == null ? new Map<string, string>() : variableValues(specOf(server.template), input.variables, current)
    const before = new Map(current.map(({ name, value }) => [name, value]))
    const changedVariables = [...values].filter(([name, value]) => before.get(name) !== value)
    const settings: SettingChange[] = [
      ...changed.map(([setting, value]) => ({ setting, before: asText(server[setting as keyof Server]), after: asText(value) })),
      ...changedVariables.map(([setting, after]) => ({ setting, before: before.get(setting) ?? '', after })),
    ]
    if (settings.length === 0) return { serverId: server.id }
    if (changesLimits) await reserveGrowth(tx, server, wanted)
    await assertCores(tx, server.nodeId, wanted.cpuset ?? '')
    for (const [name, value] of changedVariables)
      await tx.prisma.serverVariable.upsert({
        where: { serverId_name: { serverId: server.id, name } },
        create: { serverId: server.id, name, value },
        update: { value },
      })
    await changes.carryOut(tx, server, changes.decide(server, { kind: 'update' }), {
      actor,
      event: { kind: 'SETTINGS_CHANGED', data: { changes: settings } },
      columns: Object.fromEntries(changed),
    })
    await audit.record(tx, actor, {
      action: changesLimits ? 'server:update-limits' : 'server:update',
      subject: { kind: 'server', id: server.id, name: server.name },
      change: Object.fromEntries(settings.map(({ setting, before: was, after }) => [setting, [was, after]])),
    })
    if (changesLimits)
      tx.afterCommit(() => {
        bus.publish('node', { nodeId: server.nodeId })
      })
    reachStep('wish:persisted', server.id)
    return { serverId: server.id }
  }

  return async (actor: UserActor, input: object): Promise<string> => {
    const parsed = validate(updateServerInput, input)
    const { idempotencyKey, ...content } = parsed
    const { serverId } = await db.transaction((tx) =>
      once(tx, actor.id, 'updateServer', idempotencyKey, content, () => update(tx, actor, parsed)),
    )
    return serverId
  }
}
