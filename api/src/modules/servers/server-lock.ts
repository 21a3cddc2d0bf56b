import type { Prisma, Server } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import { isId } from '../../lib/ids.ts'

export type LockedServer = Server & { node: { isOnline: boolean }; template: { spec: Prisma.JsonValue } }

const WITH_FACTS = { node: { select: { isOnline: true } }, template: { select: { spec: true } } } as const

/** Locks a server's row: two wishes at once are decided one after the other. null when it is unknown or deleted. */
export async function lockServer(tx: Transaction, id: string, { isDeletedToo = false } = {}): Promise<LockedServer | null> {
  if (!isId(id)) return null
  const [server] = await lockServers(tx, [id])
  return server === undefined || (server.deletedAt !== null && !isDeletedToo) ? null : server
}

/** Locks many, in one order for everybody: two that lock the same ones never wait crosswise. */
export async function lockServers(tx: Transaction, ids: readonly string[]): Promise<LockedServer[]> {
  await tx.prisma.$queryRaw`select id from "Server" where id = any(${[...ids]}::uuid[]) order by id for update`
  return tx.prisma.server.findMany({ where: { id: { in: [...ids] } }, include: WITH_FACTS })
}
