import type { PortProtocol } from '@catalyst/prisma/client'
import type { Database } from '../../db/database.ts'
import type { Actor } from '../../lib/actor.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import { isId } from '../../lib/ids.ts'
import { escapeLike } from '../../lib/like.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import { hasPermission } from '../servers/server-policy.ts'

/** A port of a node's stock. Whose it is stays hidden from those who may not see the server. */
export type NodeAllocation = {
  id: string
  ip: string
  port: number
  isFree: boolean
  /** null for those who may not manage the stock. */
  note: string | null
  serverId: string | null
  name: string | null
  protocol: PortProtocol | null
  isPrimary: boolean
}

export type AllocationFilter = { isFree?: boolean | null | undefined; search?: string | null | undefined }

export type AllocationReadModel = {
  page(actor: Actor, nodeId: string, request: PageRequest, filter: AllocationFilter): Promise<Page<NodeAllocation>>
  byIds(actor: Actor, ids: readonly string[]): Promise<NodeAllocation[]>
}

/**
 * Rows as this actor sees them: $1 their id, $2 whether they see everybody's servers, $3 their own, $4 whether they see notes.
 * A deleted server is nobody's, and its port is not free before the node has confirmed.
 */
const SHOWN = `(
  select a.id, a."nodeId", a.ip, a.port, a."serverId" is null as "isFree", case when $4 then a.note end as note,
    s.id as "serverId", s.name as "serverName",
    case when s.id is not null then a.name end as name, case when s.id is not null then a.protocol end as protocol,
    s.id is not null and a."isPrimary" as "isPrimary"
  from "Allocation" a left join "Server" s on s.id = a."serverId" and s."deletedAt" is null and ($2 or ($3 and s."ownerId" = $1::uuid))
)`
const COLUMNS = 'id, ip, port, "isFree", note, "serverId", name, protocol, "isPrimary"'

const viewerValues = (actor: Actor) => [
  actor.kind === 'user' ? actor.id : null,
  hasPermission(actor, 'server:read-all'),
  hasPermission(actor, 'server:read'),
  hasPermission(actor, 'allocation:manage'),
]

export function createAllocationReadModel({ db }: { db: Database }): AllocationReadModel {
  return {
    async page(actor, nodeId, { first, after }, { isFree, search }) {
      if (!isId(nodeId)) return { edges: [], hasNextPage: false, hasPreviousPage: false, totalCount: 0 }
      const values: unknown[] = [...viewerValues(actor), nodeId]
      const conditions = ['"nodeId" = $5::uuid']
      const add = (condition: (parameter: string) => string, value: unknown) => {
        values.push(value)
        conditions.push(condition(`$${String(values.length)}`))
      }
      if (isFree != null) add((p) => `"isFree" = ${p}`, isFree)
      if (search)
        add((p) => `(ip || ':' || port like ${p} or note ilike ${p} or "serverName" ilike ${p})`, `%${escapeLike(search.slice(0, 100))}%`)
      const total = await db.pool.query<{ count: number }>(
        `select count(*)::int as count from ${SHOWN} shown where ${conditions.join(' and ')}`,
        values.slice(),
      )
      if (after !== null) {
        values.push(...decodeCursor(after, 'ipv4', 'number'))
        conditions.push(`(ip::inet, port) > ($${String(values.length - 1)}::inet, $${String(values.length)}::bigint)`)
      }
      const { rows } = await db.pool.query<NodeAllocation>(
        `select ${COLUMNS} from ${SHOWN} shown where ${conditions.join(' and ')} order by ip::inet, port limit ${String(first + 1)}`,
        values,
      )
      return {
        edges: rows.slice(0, first).map((node) => ({ cursor: encodeCursor([node.ip, String(node.port)]), node })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total.rows[0]?.count ?? 0,
      }
    },

    async byIds(actor, ids) {
      const { rows } = await db.pool.query<NodeAllocation>(
        `select ${COLUMNS} from ${SHOWN} shown where id = any($5::uuid[]) order by ip::inet, port`,
        [...viewerValues(actor), ids],
      )
      return rows
    },
  }
}
