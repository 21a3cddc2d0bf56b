import type { Prisma } from '@catalyst/prisma/client'
import type { Database } from '../../db/database.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import { isId } from '../../lib/ids.ts'
import { metricGap, type MetricGap } from '../../lib/metric-gap.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import type { NodeEventKind } from './node-events.ts'

type Resources = { memoryMiB: number; cpuPercent: number; diskMiB: number }

export type NodeStatus = 'ONLINE' | 'OFFLINE' | 'MAINTENANCE' | 'WAITING'

/** A node as it is shown. */
export type NodeView = {
  id: string
  name: string
  address: string
  location: string
  tags: string[]
  status: NodeStatus
  isOnline: boolean
  isMaintenance: boolean
  lastSeenAt: Date | null
  createdAt: Date
  agentVersion: string | null
  /** null until the first hello. */
  runtime: { name: string; version: string; cgroupVersion: number } | null
  clockOffsetSeconds: number | null
  /** null until the first hello. */
  capacity: Resources | null
  overcommit: { memoryPercent: number; cpuPercent: number; diskPercent: number }
  /** Promised to servers, those included that are being deleted. */
  allocated: Resources
  /** Those that are being deleted are not counted. */
  serverCount: number
  runningServerCount: number
  allocationCount: number
  freeAllocationCount: number
}

/** What the servers of a node use; `cpuPercent` 100 is one core. */
export type NodeUsage = { memoryBytes: number; cpuPercent: number; diskBytes: number }

export type NodeHistoryEntry = {
  id: string
  kind: NodeEventKind
  at: Date
  actor: string | null
  reason: string | null
  changes: { field: string; from: string | null; to: string | null }[]
  clockOffsetSeconds: number | null
  gap: MetricGap | null
}

export type NodeReadModel = {
  page(request: PageRequest): Promise<Page<NodeView>>
  /** In the order of the ids; null for an unknown one. */
  byIds(ids: readonly string[]): Promise<(NodeView | null)[]>
  /** Servers of each node. */
  serverIds(nodeIds: readonly string[]): Promise<Map<string, string[]>>
  /** Newest first. */
  history(nodeId: string, request: PageRequest): Promise<Page<NodeHistoryEntry>>
  /** Free ports of a node, lowest first. */
  freePorts(nodeId: string, first: number): Promise<{ ip: string; port: number }[]>
}

type Row = Omit<NodeView, 'status' | 'runtime' | 'clockOffsetSeconds' | 'capacity' | 'overcommit' | 'allocated'> & {
  runtimeName: string | null
  runtimeVersion: string | null
  cgroupVersion: number | null
  clockOffsetMs: number | null
  memoryMiB: number | null
  cpuPercent: number | null
  diskMiB: number | null
  memoryOvercommitPercent: number
  cpuOvercommitPercent: number
  diskOvercommitPercent: number
  allocatedMemory: number
  allocatedCpu: number
  allocatedDisk: number
}

/** Sums that Int of GraphQL can carry, whatever was promised. */
const sum = (column: string) => `least(coalesce(sum(s."${column}"), 0), 2147483647)::int`

const SELECT = `select n.id, n.name, n.address, n.location, n.tags, n."isOnline", n."isMaintenance", n."lastSeenAt", n."createdAt", n."agentVersion",
    n."runtimeName", n."runtimeVersion", n."cgroupVersion", n."clockOffsetMs", n."memoryMiB", n."cpuPercent", n."diskMiB",
    n."memoryOvercommitPercent", n."cpuOvercommitPercent", n."diskOvercommitPercent", allocated.*, ports.*
  from "Node" n cross join lateral (
    select ${sum('memoryMiB')} as "allocatedMemory", ${sum('cpuPercent')} as "allocatedCpu", ${sum('diskMiB')} as "allocatedDisk",
      count(*) filter (where s."deletedAt" is null)::int as "serverCount",
      count(*) filter (where s."deletedAt" is null and s.state = 'RUNNING')::int as "runningServerCount"
    from "Server" s where s."nodeId" = n.id
  ) allocated cross join lateral (
    select count(*)::int as "allocationCount", count(*) filter (where a."serverId" is null)::int as "freeAllocationCount"
    from "Allocation" a where a."nodeId" = n.id
  ) ports`

function statusOf(row: Pick<Row, 'isOnline' | 'isMaintenance' | 'memoryMiB'>): NodeStatus {
  if (row.isOnline) return row.isMaintenance ? 'MAINTENANCE' : 'ONLINE'
  return row.memoryMiB === null ? 'WAITING' : 'OFFLINE'
}

function viewOf(row: Row): NodeView {
  const { runtimeName, runtimeVersion, cgroupVersion, clockOffsetMs, memoryMiB, cpuPercent, diskMiB, ...rest } = row
  const { memoryOvercommitPercent, cpuOvercommitPercent, diskOvercommitPercent, allocatedMemory, allocatedCpu, allocatedDisk, ...node } =
    rest
  return {
    ...node,
    status: statusOf(row),
    runtime:
      runtimeName === null || runtimeVersion === null || cgroupVersion === null
        ? null
        : { name: runtimeName, version: runtimeVersion, cgroupVersion },
    clockOffsetSeconds: clockOffsetMs === null ? null : clockOffsetMs / 1000,
    capacity: memoryMiB === null || cpuPercent === null || diskMiB === null ? null : { memoryMiB, cpuPercent, diskMiB },
    overcommit: { memoryPercent: memoryOvercommitPercent, cpuPercent: cpuOvercommitPercent, diskPercent: diskOvercommitPercent },
    allocated: { memoryMiB: allocatedMemory, cpuPercent: allocatedCpu, diskMiB: allocatedDisk },
  }
}

type EventRow = { id: string; kind: NodeEventKind; data: Prisma.JsonObject; actor: string | null; at: Date }

function entryOf({ data, ...row }: EventRow): NodeHistoryEntry {
  return {
    ...row,
    reason: typeof data['reason'] === 'string' ? data['reason'] : null,
    changes: Array.isArray(data['changes']) ? (data['changes'] as NodeHistoryEntry['changes']) : [],
    clockOffsetSeconds: typeof data['offsetSeconds'] === 'number' ? data['offsetSeconds'] : null,
    gap: metricGap(data['from'], data['to']),
  }
}

export function createNodeReadModel({ db }: { db: Database }): NodeReadModel {
  return {
    async page({ first, after }) {
      const [name = ''] = after === null ? [] : decodeCursor(after, 'text')
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
    async serverIds(nodeIds) {
      const { rows } = await db.pool.query<{ id: string; nodeId: string }>(
        'select id, "nodeId" from "Server" where "nodeId" = any($1::uuid[]) and "deletedAt" is null',
        [nodeIds],
      )
      return new Map([...Map.groupBy(rows, (row) => row.nodeId)].map(([nodeId, servers]) => [nodeId, servers.map(({ id }) => id)]))
    },
    async history(nodeId, { first, after }) {
      if (!isId(nodeId)) return { edges: [], hasNextPage: false, hasPreviousPage: false, totalCount: 0 }
      const [before = String(2n ** 63n - 1n)] = after === null ? [] : decodeCursor(after, 'number')
      const [total, { rows }] = await Promise.all([
        db.pool.query<{ count: number }>('select count(*)::int as count from "NodeEvent" where "nodeId" = $1', [nodeId]),
        db.pool.query<EventRow>(
          `select id::text, kind, data, "actorName" as actor, "occurredAt" as at from "NodeEvent"
           where "nodeId" = $1 and id < $2 order by id desc limit $3`,
          [nodeId, before, first + 1],
        ),
      ])
      return {
        edges: rows.slice(0, first).map((row) => ({ cursor: encodeCursor([row.id]), node: entryOf(row) })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total.rows[0]?.count ?? 0,
      }
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
