import type { Transaction } from '../../db/database.ts'
import { CapacityError, NotFoundError } from '../../lib/errors.ts'
import { isId } from '../../lib/ids.ts'
import type { Resources } from '../nodes/node-service.ts'

type Candidate = Resources & {
  id: string
  name: string
  isOnline: boolean
  usedMemory: number
  usedCpu: number
  usedDisk: number
  freePorts: number
}

const fits = (node: Candidate, wanted: Resources, ports: number) =>
  node.freePorts >= ports &&
  node.memoryMiB - node.usedMemory >= wanted.memoryMiB &&
  node.cpuPercent - node.usedCpu >= wanted.cpuPercent &&
  node.diskMiB - node.usedDisk >= wanted.diskMiB

/**
 * The node that a server goes to: of those with room, the one with most free memory. All rows are locked: another create
 * waits until this transaction has taken its share, so that two cannot oversell a node.
 * @param nodeId only this one; null for any that is online
 * @param ports how many free ones it must have
 * @throws NotFoundError for an unknown node, CapacityError when none has room
 */
export async function lockNodeWithRoom(tx: Transaction, nodeId: string | null, wanted: Resources, ports: number): Promise<string> {
  if (nodeId !== null && !isId(nodeId)) throw new NotFoundError('The node')
  const locked = await tx.prisma.$queryRaw<
    { id: string }[]
  >`select id from "Node" where (${nodeId}::uuid is null or id = ${nodeId}::uuid) order by id for update`
  if (nodeId !== null && locked.length === 0) throw new NotFoundError('The node')
  const nodes = await tx.prisma.$queryRaw<Candidate[]>`
    select n.id, n.name, n."isOnline", coalesce(n."memoryMiB", 0) as "memoryMiB", coalesce(n."cpuPercent", 0) as "cpuPercent", coalesce(n."diskMiB", 0) as "diskMiB",
      coalesce(sum(s."memoryMiB"), 0)::int as "usedMemory", coalesce(sum(s."cpuPercent"), 0)::int as "usedCpu", coalesce(sum(s."diskMiB"), 0)::int as "usedDisk",
      (select count(*)::int from "Allocation" a where a."nodeId" = n.id and a."serverId" is null) as "freePorts"
    from "Node" n left join "Server" s on s."nodeId" = n.id
    where n.id::text = any(${locked.map((node) => node.id)}) group by n.id`
  const candidates = nodes.filter((node) => (nodeId !== null || node.isOnline) && fits(node, wanted, ports))
  const [best] = candidates.sort((a, b) => b.memoryMiB - b.usedMemory - (a.memoryMiB - a.usedMemory))
  if (best === undefined)
    throw new CapacityError(
      nodeId === null
        ? 'No connected node has that much memory, CPU, disk and ports free.'
        : `The node ${nodes[0]?.name ?? ''} does not have that much memory, CPU, disk and ports free.`,
    )
  return best.id
}
