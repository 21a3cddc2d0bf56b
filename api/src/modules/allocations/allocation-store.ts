import { PortUnavailableError } from '../../lib/errors.ts'
import type { Transaction } from '../../db/database.ts'
import type { Actor } from '../../lib/actor.ts'

export type PortProtocol = 'TCP' | 'UDP' | 'BOTH'

export type WantedPort = {
  name: string
  protocol: PortProtocol
  isPrimary: boolean
  /** Order of the template's ports. */
  position: number
  /** null: any of the node's addresses. */
  ip: string | null
  /** null: the lowest free one. */
  port: number | null
  /** Where it stands in the input, for the error. */
  path: string[]
}

export type ReservedPort = { ip: string; port: number; name: string; protocol: PortProtocol; isPrimary: boolean; position: number }

export type ReserveRequest = {
  nodeId: string
  /** Its row was made in this transaction before. */
  serverId: string
  wanted: readonly WantedPort[]
  /** Decides whether `takenBy` may name another server. */
  actor: Actor
}

type Row = { id: string; ip: string; port: number; serverId: string | null }

/** Lowest free port at or above `from`, else the lowest of all; null when none is free. */
export async function nextFreePort(tx: Transaction, nodeId: string, from: number): Promise<number | null> {
  const rows = await tx.prisma.$queryRaw<{ port: number }[]>`
    select "port" from "Allocation" where "nodeId" = ${nodeId}::uuid and "serverId" is null
    order by "port" < ${from}, "port" limit 1`
  return rows[0]?.port ?? null
}

/** Waits for whoever holds the row: after their commit it shows who has it. */
async function lockChosen(tx: Transaction, nodeId: string, ip: string | null, port: number): Promise<Row | undefined> {
  const rows = await tx.prisma.$queryRaw<Row[]>`
    select "id", "ip", "port", "serverId" from "Allocation"
    where "nodeId" = ${nodeId}::uuid and "port" = ${port} and (${ip}::text is null or "ip" = ${ip})
    order by "serverId" is not null, "ip" limit 1 for update`
  return rows[0]
}

/** Passes over rows that others are about to take, so that nobody waits. */
async function lockFree(tx: Transaction, nodeId: string, ip: string | null): Promise<Row | undefined> {
  const rows = await tx.prisma.$queryRaw<Row[]>`
    select "id", "ip", "port", "serverId" from "Allocation"
    where "nodeId" = ${nodeId}::uuid and "serverId" is null and (${ip}::text is null or "ip" = ${ip})
    order by "port", "ip" limit 1 for update skip locked`
  return rows[0]
}

async function visibleName(tx: Transaction, actor: Actor, serverId: string | null): Promise<string | null> {
  if (serverId === null) return null
  const server = await tx.prisma.server.findUnique({ where: { id: serverId }, select: { name: true, ownerId: true } })
  if (server === null) return null
  const isVisible =
    actor.kind === 'system' || (actor.kind === 'user' && (server.ownerId === actor.id || actor.permissions.has('server:read-all')))
  return isVisible ? server.name : null
}

async function reserveOne(tx: Transaction, request: ReserveRequest, wanted: WantedPort): Promise<ReservedPort> {
  const { nodeId, serverId, actor } = request
  const { ip, port, path, name, protocol, isPrimary, position } = wanted
  const row = port === null ? await lockFree(tx, nodeId, ip) : await lockChosen(tx, nodeId, ip, port)
  if (row?.serverId !== null) {
    const nextFree = await nextFreePort(tx, nodeId, port ?? 0)
    const takenBy = await visibleName(tx, actor, row?.serverId ?? null)
    const missing = port === null ? 'The node has too few free ports.' : `Port ${port} is not one of the node's.`
    const unavailable = { path, ip: row?.ip ?? ip ?? '', port: port ?? 0, nextFreePort: nextFree, takenBy }
    throw new PortUnavailableError(unavailable, row === undefined ? missing : undefined)
  }
  await tx.prisma.allocation.update({ where: { id: row.id }, data: { serverId, name, protocol, isPrimary, position } })
  return { ip: row.ip, port: row.port, name, protocol, isPrimary, position }
}

/**
 * Gives ports of the stock to a server. Two at once never get the same: rows are locked until the commit.
 * @throws PortUnavailableError for a port that is taken or not in the stock, or when too few are free
 */
export async function reservePorts(tx: Transaction, request: ReserveRequest): Promise<ReservedPort[]> {
  // Chosen ports first, in one order for everybody: no automatic choice takes them, and two requests never wait crosswise.
  const order = [...request.wanted].sort((a, b) => (a.port ?? Infinity) - (b.port ?? Infinity) || a.position - b.position)
  const reserved: ReservedPort[] = []
  for (const wanted of order) reserved.push(await reserveOne(tx, request, wanted))
  return reserved.sort((a, b) => a.position - b.position)
}

/** Gives all ports of a server back to the stock. */
export async function releasePorts(tx: Transaction, serverId: string): Promise<void> {
  await tx.prisma.allocation.updateMany({
    where: { serverId },
    data: { serverId: null, name: null, protocol: null, isPrimary: false, position: 0 },
  })
}
