import type { Prisma } from '@catalyst/prisma/client'
import type { Database, Transaction } from '../../db/database.ts'
import { releasePorts } from '../allocations/allocation-store.ts'
import { OPEN_STATUSES } from '../commands/command-view.ts'
import type { SampleStore } from '../metrics/sample-store.ts'
import { assignmentOf, type Assignment } from './assignment.ts'

/** Everything that an assignment is made of. */
export const WITH_PARTS = {
  template: true,
  allocations: true,
  variables: true,
  // Kills that are not carried out yet.
  commands: { where: { kind: 'KILL', status: { in: [...OPEN_STATUSES] } }, select: { generation: true } },
} satisfies Prisma.ServerInclude

/** Keeps what the node still has to be told of a server whose row is about to go. */
export async function addTombstone(tx: Transaction, serverId: string): Promise<void> {
  const server = await tx.prisma.server.findUniqueOrThrow({ where: { id: serverId }, include: WITH_PARTS })
  const assignment = { ...assignmentOf(server, 0), isRemoved: true }
  await tx.prisma.serverTombstone.create({
    data: { id: server.id, nodeId: server.nodeId, assignment },
  })
}

/** What the node still has to be told; of one server, or of all that it has. */
export async function readTombstones(db: Database, nodeId: string, serverId?: string): Promise<Assignment[]> {
  const rows = await db.prisma.serverTombstone.findMany({
    where: { nodeId, ...(serverId === undefined ? {} : { id: serverId }) },
    orderBy: { createdAt: 'asc' },
  })
  return rows.map((row) => row.assignment as unknown as Assignment)
}

/** The node has confirmed. True when there was one. */
export async function dropTombstone(tx: Transaction, nodeId: string, serverId: string): Promise<boolean> {
  return (await tx.prisma.serverTombstone.deleteMany({ where: { id: serverId, nodeId } })).count > 0
}

/** Deletes a server with all that belongs to it; its ports and room are free with the commit. */
export async function deleteServerRow(tx: Transaction, samples: SampleStore, serverId: string): Promise<void> {
  await releasePorts(tx, serverId)
  await samples.forget(tx, serverId)
  await tx.prisma.server.delete({ where: { id: serverId } })
}
