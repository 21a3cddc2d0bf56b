import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { nameOf, type UserActor } from '../../lib/actor.ts'
import { NotFoundError } from '../../lib/errors.ts'
import { validate } from '../../lib/validate.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { recordServerEvent, type SettingChange } from '../servers/server-events.ts'
import { lockServer } from '../servers/server-lock.ts'
import { demand } from '../servers/server-policy.ts'

export type ConsoleSettings = {
  retentionMiB: number
  retentionDays: number
  isTerminal: boolean
  floodLinesPerSecond: number
  floodBytesPerSecond: number
}

export type ConsoleSettingsService = {
  /** In the order of the ids; null for one that is not there. */
  byIds(serverIds: readonly string[]): Promise<(ConsoleSettings | null)[]>
  /** Changes what is given; id of the server. @throws ValidationError, NotFoundError, ForbiddenError */
  update(actor: UserActor, input: object): Promise<string>
}

/** Columns of the server's row. */
const COLUMNS = {
  retentionMiB: 'consoleRetentionMiB',
  retentionDays: 'consoleRetentionDays',
  isTerminal: 'isConsoleTerminal',
  floodLinesPerSecond: 'consoleFloodLinesPerSecond',
  floodBytesPerSecond: 'consoleFloodBytesPerSecond',
} as const satisfies Record<keyof ConsoleSettings, string>
const NAMES = Object.keys(COLUMNS) as (keyof ConsoleSettings)[]

const updateInput = z.object({
  serverId: z.string(),
  retentionMiB: z.number().int().min(1).max(65_536).nullish(),
  retentionDays: z.number().int().min(1).max(3650).nullish(),
  isTerminal: z.boolean().nullish(),
  floodLinesPerSecond: z.number().int().min(100).max(1_000_000).nullish(),
  floodBytesPerSecond: z
    .number()
    .int()
    .min(65_536)
    .max(2 ** 30)
    .nullish(),
})

type Row = Record<(typeof COLUMNS)[keyof ConsoleSettings], number | boolean>

const settingsOf = (row: Row) => Object.fromEntries(NAMES.map((name) => [name, row[COLUMNS[name]]])) as ConsoleSettings

export type ConsoleSettingsDeps = { db: Database; bus: EventBus; audit: AuditService }

export function createConsoleSettingsService({ db, bus, audit }: ConsoleSettingsDeps): ConsoleSettingsService {
  return {
    async byIds(serverIds) {
      const rows = await db.prisma.server.findMany({ where: { id: { in: [...serverIds] } } })
      const byId = new Map(rows.map((row) => [row.id, settingsOf(row)]))
      return serverIds.map((id) => byId.get(id) ?? null)
    },

    async update(actor, input) {
      const { serverId, ...wanted } = validate(updateInput, input)
      await db.transaction(async (tx) => {
        const server = await lockServer(tx, serverId)
        demand(actor, server, 'server:update')
        if (server === null) throw new NotFoundError('The server')
        const current = settingsOf(server)
        const changes = NAMES.flatMap((setting): SettingChange[] => {
          const after = wanted[setting]
          return after == null || after === current[setting] ? [] : [{ setting, before: String(current[setting]), after: String(after) }]
        })
        if (changes.length === 0) return
        const data = Object.fromEntries(
          changes.map(({ setting }) => [COLUMNS[setting as keyof ConsoleSettings], wanted[setting as keyof ConsoleSettings]]),
        )
        await tx.prisma.server.update({ where: { id: server.id }, data: { ...data, revision: { increment: 1 } } })
        await recordServerEvent(tx, bus, server, 'SETTINGS_CHANGED', { changes }, nameOf(actor))
        await audit.record(tx, actor, {
          action: 'server:update',
          subject: { kind: 'server', id: server.id, name: server.name },
          change: Object.fromEntries(changes.map(({ setting, before, after }) => [setting, [before, after]])),
        })
        tx.afterCommit(() => {
          bus.publish('orders', { nodeId: server.nodeId, order: { kind: 'assignment', serverId: server.id } })
        })
      })
      return serverId
    },
  }
}
