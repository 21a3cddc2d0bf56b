import type { Node } from '@catalyst/prisma/client'
import type { Transaction } from '../../db/database.ts'
import { NotFoundError } from '../../lib/errors.ts'
import { isId } from '../../lib/ids.ts'

/**
 * Locks a node's row: until the commit nobody else takes room or ports of it, and its settings and key stay.
 * Take it before any server's row, as everybody does, or two transactions wait crosswise.
 * @throws NotFoundError
 */
export async function lockNode(tx: Transaction, id: string): Promise<Node> {
  if (!isId(id)) throw new NotFoundError('The node')
  await tx.prisma.$queryRaw`select id from "Node" where id = ${id}::uuid for no key update`
  const node = await tx.prisma.node.findUnique({ where: { id } })
  if (node === null) throw new NotFoundError('The node')
  return node
}
