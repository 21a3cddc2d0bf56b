import type { Database } from '../../db/database.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import { isId } from '../../lib/ids.ts'

type Resources = { memoryMiB: number; cpuPercent: number; diskMiB: number }

/** A node as it is shown. */
export type NodeView = {
  id: string
  name: string
  address: string
  isOnline: boolean
  lastSeenAt: Date | null
  agentVersion: string | null
  /** null until the first hello. */
  capacity: Resources | null
  /** Promised to servers, those included that are being deleted. */
  allocated: Resources
}

export type NodePage = { edges: { cursor: string; node: NodeView }[]; hasNextPage: boolean; hasPreviousPage: boolean; totalCount: number }

export type NodeReadModel = {
  page(request: { first: number; after: string | null }): Promise<NodePage>
  /** In the order of the ids; null for an unknown one. */
  byIds(ids: readonly string[]): Promise<(NodeView | null)[]>
  /** Free ports of a node, lowest first. */
  freePorts(nodeId: string, first: number): Promise<{ ip: string; port: number }[]>
}

type Row = {
  id: string
  name: string
  address: string
  isOnline: boolean
  lastSeenAt: Date | null
  agentVersion: string | null
  memoryMiB: number | null
  cpuPercent: number | null
  diskMiB: number | null
  usedMemory: number
  usedCpu: number
  usedDisk: number
}

const SELECT = `select n.id, n.name, n.address, n."isOnline", n."lastSeenAt", n."agentVersion", n."memoryMiB", n."cpuPercent", n."diskMiB",
    used."usedMemory", used."usedCpu", used."usedDisk"
  from "Node" n cross join lateral (
    select coalesce(sum(s."memoryMiB"), 0)::int as "usedMemory", coalesce(sum(s."cpuPercent"), 0)::int as "usedCpu", coalesce(sum(s."diskMiB"), 0)::int as "usedDisk"
    from "Server" s where s."nodeId" = n.id
  ) used`

function viewOf({ memoryMiB, cpuPercent, diskMiB, usedMemory, usedCpu, usedDisk, ...node }: Row): NodeView {
  const isKnown = memoryMiB !== null && cpuPercent !== null && diskMiB !== null
  return {
    ...node,
    capacity: isKnown ? { memoryMiB, cpuPercent, diskMiB } : null,
    allocated: { memoryMiB: usedMemory, cpuPercent: usedCpu, diskMiB: usedDisk },
  }
}

export function createNodeReadModel({ db }: { db: Database }): NodeReadModel {
  return {
    async page({ first, after }) {
      const [name = ''] = after === null ? [] : decodeCursor(after, 1)
      const [total, { rows }] = await Promise.all([
        db.pool.query<{ count: number }>('select count(*)::int as count from "Node"'),
        db.pool.query<Row>(`${SELECT} where n.name > $1 order by n.name limit $2`, [name, first + 1]),
      ])
      return {
        edges: rows.slice(0, first).map((row) => ({ cursor: encodeCursor([row.name]), node: viewOf(row) })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total.rows[0]?.count ?? 0,
      }
    },
    async byIds(ids) {
      const { rows } = await db.pool.query<Row>(`${SELECT} where n.id = any($1::uuid[])`, [ids.filter(isId)])
      const byId = new Map(rows.map((row) => [row.id, viewOf(row)]))
      return ids.map((id) => byId.get(id.toLowerCase()) ?? null)
    },
    async freePorts(nodeId, first) {
      if (!isId(nodeId)) return []
      const { rows } = await db.pool.query<{ ip: string; port: number }>(
        'select ip, port from "Allocation" where "nodeId" = $1 and "serverId" is null order by port, ip limit $2',
        [nodeId, first],
      )
      return rows
    },
  }
}
