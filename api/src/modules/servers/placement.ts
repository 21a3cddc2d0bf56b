import type { Transaction } from '../../db/database.ts'
import type { Actor } from '../../lib/actor.ts'
import { CapacityError, NodeMaintenanceError, NotFoundError } from '../../lib/errors.ts'
import { isId } from '../../lib/ids.ts'
import type { Resources } from '../nodes/node-service.ts'
import { lockNode } from '../nodes/node-store.ts'
import { rankNodes, shortagesOf, type Candidate, type PlacementWish } from './choose-node.ts'
import { hasPermission } from './server-policy.ts'

export type PlacementRequest = Resources & {
  /** null: chosen among all. */
  nodeId: string | null
  location: string | null
  tags: readonly string[]
  /** Of the template; null: any free one. */
  ports: readonly { ip: string | null; port: number | null }[]
}

/** A number of everybody's who chooses a node; PostgreSQL's advisory locks are named by numbers. */
const PLACEMENT_LOCK = 7_240_001
const MOST_NAMED = 5

type Row = Omit<Candidate, 'capacity' | 'allocated'> & {
  memoryMiB: number
  cpuPercent: number
  diskMiB: number
  allocatedMemory: number
  allocatedCpu: number
  allocatedDisk: number
}

/** Nodes with what is free on them now; all, or one. */
async function readCandidates(
  tx: Transaction,
  nodeId: string | null,
  chosen: readonly { ip: string | null; port: number }[],
): Promise<Candidate[]> {
  const rows = await tx.prisma.$queryRaw<Row[]>`
    select n.id, n.name, n."isOnline", n."isMaintenance", n.location, n.tags,
      coalesce(n."memoryMiB", 0)::float8 * n."memoryOvercommitPercent" / 100 as "memoryMiB",
      coalesce(n."cpuPercent", 0)::float8 * n."cpuOvercommitPercent" / 100 as "cpuPercent",
      coalesce(n."diskMiB", 0)::float8 * n."diskOvercommitPercent" / 100 as "diskMiB",
      allocated.*, ports.*
    from "Node" n cross join lateral (
      select coalesce(sum(s."memoryMiB"), 0)::float8 as "allocatedMemory", coalesce(sum(s."cpuPercent"), 0)::float8 as "allocatedCpu",
        coalesce(sum(s."diskMiB"), 0)::float8 as "allocatedDisk"
      from "Server" s where s."nodeId" = n.id
    ) allocated cross join lateral (
      select count(*)::int as "freePorts", (
        select count(*)::int from unnest(${chosen.map(({ ip }) => ip ?? '')}::text[], ${chosen.map(({ port }) => port)}::int[]) as wanted(ip, port)
        where exists (
          select 1 from "Allocation" c where c."nodeId" = n.id and c."serverId" is null and c.port = wanted.port and wanted.ip in ('', c.ip)
        )
      ) as "freeChosenPorts"
      from "Allocation" a where a."nodeId" = n.id and a."serverId" is null
    ) ports
    where ${nodeId}::uuid is null or n.id = ${nodeId}::uuid`
  return rows.map(({ memoryMiB, cpuPercent, diskMiB, allocatedMemory, allocatedCpu, allocatedDisk, ...node }) => ({
    ...node,
    capacity: { memoryMiB, cpuPercent, diskMiB },
    allocated: { memoryMiB: allocatedMemory, cpuPercent: allocatedCpu, diskMiB: allocatedDisk },
  }))
}

/** Locks the row of a server's node; before the server's own. Nothing for an unknown server. */
export async function lockNodeOf(tx: Transaction, serverId: string): Promise<void> {
  const server = isId(serverId) ? await tx.prisma.server.findUnique({ where: { id: serverId }, select: { nodeId: true } }) : null
  if (server !== null) await lockNode(tx, server.nodeId)
}

/**
 * Refuses what a node has no room for; its row must be locked.
 * @param more what comes on top of what is promised already
 * @throws CapacityError
 */
export async function assertRoom(tx: Transaction, nodeId: string, more: Resources, ports = 0): Promise<void> {
  const [node] = await readCandidates(tx, nodeId, [])
  if (node === undefined) throw new NotFoundError('The node')
  const short = shortagesOf(node, { ...more, ports })
  if (short.length > 0) throw new CapacityError(`The node ${node.name} has ${short.join(', ')}.`)
}

/** Names nodes only to those who may see them. */
function noRoom(actor: Actor, refused: { node: Candidate; reason: string }[]): CapacityError {
  if (refused.length === 0) return new CapacityError('There is no node yet.')
  if (!hasPermission(actor, 'node:read')) return new CapacityError('No node has that much memory, CPU, disk and ports free.')
  const named = refused.slice(0, MOST_NAMED).map(({ node, reason }) => `${node.name} ${reason}`)
  const others = refused.length - named.length
  return new CapacityError(`No node has room: ${named.join('; ')}${others > 0 ? `; and ${String(others)} more` : ''}.`)
}

/**
 * The node that a server goes to. Until the commit nobody else takes room or ports of it, so that two cannot oversell it.
 * @throws NotFoundError for an unknown node, NodeMaintenanceError for a chosen one that takes none, CapacityError when none has room
 */
export async function placeServer(tx: Transaction, actor: Actor, request: PlacementRequest): Promise<string> {
  const { nodeId, location, tags, ports, ...resources } = request
  if (nodeId !== null) {
    const node = await lockNode(tx, nodeId)
    if (node.isMaintenance) throw new NodeMaintenanceError(node.name)
    await assertRoom(tx, nodeId, resources, ports.length)
    return nodeId
  }
  const chosen = ports.flatMap(({ ip, port }) => (port === null ? [] : [{ ip, port }]))
  const wish: PlacementWish = { ...resources, ports: ports.length, chosenPorts: chosen.length, location, tags }
  // One choice after the other; only the chosen node is locked, so that reports of all others go on.
  await tx.prisma.$queryRaw`select pg_advisory_xact_lock(${PLACEMENT_LOCK})::text`
  const { ranked, refused } = rankNodes(await readCandidates(tx, null, chosen), wish)
  for (const node of ranked) {
    await lockNode(tx, node.id)
    // Those who named the node do not wait for the choice above: what they took shows only under the lock.
    const now = rankNodes(await readCandidates(tx, node.id, chosen), wish)
    if (now.ranked.length > 0) return node.id
    refused.push(...now.refused)
  }
  throw noRoom(actor, refused)
}
