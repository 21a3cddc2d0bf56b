import type { Prisma, Server } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import { isId } from '../../lib/ids.ts'

export type LockedServer = Server & { node: { isOnline: boolean }; template: { spec: Prisma.JsonValue } }

/** Locks a server's row: two wishes at once are decided one after the other. null when it is unknown or deleted. */
export async function lockServer(tx: Transaction, id: string): Promise<LockedServer | null> {
  if (!isId(id)) return null
  await tx.prisma.$queryRaw`select id from "Server" where id = ${id}::uuid for update`
  return tx.prisma.server.findFirst({
    where: { id, deletedAt: null },
    include: { node: { select: { isOnline: true } }, template: { select: { spec: true } } },
  })
}
