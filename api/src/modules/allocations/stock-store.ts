import type { Transaction } from '../../db/database.ts'
import { newId } from '../../lib/ids.ts'

/** A range of ports of one address, both ends included. */
export type PortRange = { ip: string; firstPort: number; lastPort: number; note: string }

/** A port of the stock, with who has it. */
export type StockRow = { id: string; ip: string; port: number; serverId: string | null; serverName: string | null; ownerId: string | null }

/** Adds what the stock lacks of a range; the ports that it had already, which stay as they are. */
export async function addStock(tx: Transaction, nodeId: string, { ip, firstPort, lastPort, note }: PortRange): Promise<number[]> {
  const ports = Array.from({ length: lastPort - firstPort + 1 }, (_, index) => firstPort + index)
  const added = await tx.prisma.allocation.createManyAndReturn({
    data: ports.map((port) => ({ id: newId(), nodeId, ip, port, note })),
    skipDuplicates: true,
    select: { port: true },
  })
  const isNew = new Set(added.map((row) => row.port))
  return ports.filter((port) => !isNew.has(port))
}

/** The ports with these ids, locked in one order for everybody: nobody can reserve them before the commit. */
export async function lockStock(tx: Transaction, nodeId: string, ids: readonly string[]): Promise<StockRow[]> {
  return tx.prisma.$queryRaw<StockRow[]>`
    select a."id", a."ip", a."port", a."serverId", s."name" as "serverName", s."ownerId"
    from "Allocation" a left join "Server" s on s."id" = a."serverId"
    where a."nodeId" = ${nodeId}::uuid and a."id"::text = any(${[...ids]})
    order by a."port", a."ip" for update of a`
}
