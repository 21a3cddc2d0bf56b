import { createHash } from 'node:crypto'
import type { BootPolicy, CrashPolicy, DesiredState, ExitReason, PortProtocol, ServerActivity, ServerState } from '@catalyst/prisma/client'
import type { Database } from '../../db/database.ts'
import type { Actor } from '../../lib/actor.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import { isId } from '../../lib/ids.ts'
import { escapeLike } from '../../lib/like.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import type { ServerStatus } from '../../lib/server-status.ts'
import { hasPermission } from './server-policy.ts'
import { STATUS_SQL } from './server-status.ts'

export type AllocationView = { ip: string; port: number; protocol: PortProtocol; name: string; isPrimary: boolean }

/** A server as it is shown, with what belongs to it. */
export type ServerView = {
  id: string
  slug: string
  name: string
  ownerId: string
  nodeId: string
  templateId: string
  status: ServerStatus
  state: ServerState
  desiredState: DesiredState
  activity: ServerActivity
  isStale: boolean
  stateObservedAt: Date | null
  problemCode: string | null
  problemMessage: string | null
  problemAt: Date | null
  lastExitCode: number | null
  lastExitReason: ExitReason | null
  lastExitAt: Date | null
  runningSince: Date | null
  memoryMiB: number
  cpuPercent: number
  cpuset: string
  diskMiB: number
  crashPolicy: CrashPolicy
  cleanExitCodes: number[]
  maximumRestarts: number
  restartWindowSeconds: number
  bootPolicy: BootPolicy
  stopCommand: string | null
  stopSignal: string | null
  stopTimeoutSeconds: number | null
  restartAttempt: number
  nextRestartAt: Date | null
  restartReason: string | null
  needsRestart: boolean
  installedAt: Date | null
  deletedAt: Date | null
  createdAt: Date
  updatedAt: Date
  revision: number
  allocations: AllocationView[]
}

export type ServerFilter = {
  search?: string | null | undefined
  statuses?: readonly ServerStatus[] | null | undefined
  nodeId?: string | null | undefined
  ownerId?: string | null | undefined
}
export type ServerOrder = { field: 'NAME' | 'CREATED_AT'; direction: 'ASC' | 'DESC' }

export type ServerReadModel = {
  page(actor: Actor, request: PageRequest, filter: ServerFilter, order: ServerOrder): Promise<Page<ServerView>>
  /** The visible ones of these ids; deleted ones too, for the last word about them. */
  byIds(actor: Actor, ids: readonly string[]): Promise<ServerView[]>
  counts(actor: Actor): Promise<{ status: ServerStatus; count: number }[]>
}

const COLUMNS = `s.id, s.slug, s.name, s."ownerId", s."nodeId", s."templateId", ${STATUS_SQL} as status, s.state, s."desiredState", s.activity,
  not n."isOnline" as "isStale", s."stateObservedAt", s."problemCode", s."problemMessage", s."problemAt", s."lastExitCode", s."lastExitReason",
  s."lastExitAt", s."runningSince", s."memoryMiB", s."cpuPercent", s.cpuset, s."diskMiB",
  s."crashPolicy", s."cleanExitCodes", s."maximumRestarts", s."restartWindowSeconds", s."bootPolicy", s."stopCommand", s."stopSignal",
  s."stopTimeoutSeconds", s."restartAttempt", s."nextRestartAt", s."restartReason", s."needsRestart", s."installedAt", s."deletedAt", s."createdAt", s."updatedAt", s.revision`
const FROM = `from "Server" s join "Node" n on n.id = s."nodeId"`
const ALLOCATIONS = `select "serverId", ip, port, protocol, name, "isPrimary" from "Allocation" where "serverId" = any($1::uuid[]) order by position, port`

type Row = Omit<ServerView, 'allocations'>

/** Conditions and their values, in step. */
function createWhere() {
  const conditions: string[] = []
  const values: unknown[] = []
  return {
    values,
    add(condition: (parameter: string) => string, value: unknown) {
      values.push(value)
      conditions.push(condition(`$${String(values.length)}`))
    },
    addPair(condition: (first: string, second: string) => string, first: unknown, second: unknown) {
      values.push(first, second)
      conditions.push(condition(`$${String(values.length - 1)}`, `$${String(values.length)}`))
    },
    /** A condition without a value. */
    require(condition: string) {
      conditions.push(condition)
    },
    text: () => (conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`),
  }
}

export function createServerReadModel({ db }: { db: Database }): ServerReadModel {
  /** The same text is prepared once for each connection. */
  async function query<Result extends object>(text: string, values: unknown[]): Promise<Result[]> {
    const name = createHash('sha256').update(text).digest('base64url').slice(0, 40)
    return (await db.pool.query<Result>({ name, text, values })).rows
  }

  async function withAllocations(rows: Row[]): Promise<ServerView[]> {
    if (rows.length === 0) return []
    const allocations = await query<AllocationView & { serverId: string }>(ALLOCATIONS, [rows.map((row) => row.id)])
    const byServer = Map.groupBy(allocations, (allocation) => allocation.serverId)
    return rows.map((row) => ({ ...row, allocations: byServer.get(row.id) ?? [] }))
  }

  function visible(actor: Actor) {
    const where = createWhere()
    if (!hasPermission(actor, 'server:read-all')) where.add((p) => `s."ownerId" = ${p}::uuid`, actor.kind === 'user' ? actor.id : null)
    return where
  }

  return {
    async page(actor, { first, after }, filter, order) {
      const where = visible(actor)
      // Those that wait for their node to confirm are shown to who asks for them.
      if (filter.statuses?.includes('DELETING') !== true) where.require('s."deletedAt" is null')
      if (filter.search)
        where.add(
          (p) =>
            `(s.name ilike ${p} or s.slug ilike ${p} or exists (select 1 from "Allocation" a where a."serverId" = s.id and a.ip || ':' || a.port like ${p}))`,
          `%${escapeLike(filter.search.slice(0, 100))}%`,
        )
      if (filter.statuses && filter.statuses.length > 0) where.add((p) => `(${STATUS_SQL}) = any(${p}::text[])`, filter.statuses)
      if (filter.nodeId) where.add((p) => `s."nodeId" = ${p}::uuid`, isId(filter.nodeId) ? filter.nodeId : null)
      if (filter.ownerId) where.add((p) => `s."ownerId" = ${p}::uuid`, isId(filter.ownerId) ? filter.ownerId : null)
      const [total] = await query<{ count: number }>(`select count(*)::int as count ${FROM} ${where.text()}`, [...where.values])

      const isName = order.field === 'NAME'
      const key = isName ? 's.name' : 's."createdAt"'
      const direction = order.direction === 'ASC' ? 'asc' : 'desc'
      if (after) {
        const [value, id] = decodeCursor(after, isName ? 'text' : 'time', 'id')
        // The order ends in the id, so two equal names cannot hide each other at the edge of a page.
        where.addPair(
          (a, b) => `(${key}, s.id) ${direction === 'asc' ? '>' : '<'} (${a}::${isName ? 'text' : 'timestamptz'}, ${b}::uuid)`,
          value,
          id,
        )
      }
      const rows = await query<Row>(
        `select ${COLUMNS} ${FROM} ${where.text()} order by ${key} ${direction}, s.id ${direction} limit ${String(first + 1)}`,
        where.values,
      )
      const shown = await withAllocations(rows.slice(0, first))
      const cursorOf = (row: ServerView) => encodeCursor([isName ? row.name : row.createdAt.toISOString(), row.id])
      return {
        edges: shown.map((node) => ({ cursor: cursorOf(node), node })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total?.count ?? 0,
      }
    },

    async byIds(actor, ids) {
      const where = visible(actor)
      where.add((p) => `s.id = any(${p}::uuid[])`, ids.filter(isId))
      return withAllocations(await query<Row>(`select ${COLUMNS} ${FROM} ${where.text()}`, where.values))
    },

    async counts(actor) {
      const where = visible(actor)
      where.require('s."deletedAt" is null')
      return query(`select ${STATUS_SQL} as status, count(*)::int as count ${FROM} ${where.text()} group by 1 order by 1`, where.values)
    },
  }
}
