import { z } from 'zod'
import type { Database, Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { Actor } from '../../lib/actor.ts'
import { AllocationInUseError, ValidationError } from '../../lib/errors.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import { validate } from '../../lib/validate.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { ip, plainText, port } from '../nodes/node-input.ts'
import { lockNode } from '../nodes/node-store.ts'
import { canSee } from '../servers/server-policy.ts'
import type { AllocationFilter, AllocationReadModel, NodeAllocation } from './allocation-read-model.ts'
import { addStock, lockStock } from './stock-store.ts'

/** The stock of ip:port pairs that servers of a node can get. */
export type AllocationService = {
  /** Ports of a node by address and number; servers are shown to those who may see them. */
  page(actor: Actor, nodeId: string, request: PageRequest, filter: AllocationFilter): Promise<Page<NodeAllocation>>
  /** Adds a range; ports that are in the stock already stay as they are. @throws ValidationError, NotFoundError */
  add(actor: Actor, input: object): Promise<{ addedCount: number; duplicatePorts: number[] }>
  /** Removes all or none; ids that are not in the stock are gone already. @throws ValidationError, NotFoundError, AllocationInUseError */
  remove(actor: Actor, input: object): Promise<string[]>
  /** Sets the note of ports; those that are there now. @throws ValidationError, NotFoundError */
  update(actor: Actor, input: object): Promise<NodeAllocation[]>
}

/** Of one request. */
const MOST_PORTS = 10_000
const MOST_IDS = 1_000
/** Of one node: all ports of one address, and some. */
const LARGEST_STOCK = 100_000

const note = plainText.transform((text) => text.trim()).pipe(z.string().max(200, 'has at most 200 characters'))

const addInput = z
  .object({
    nodeId: z.string(),
    ip,
    firstPort: port,
    lastPort: port,
    note: note.nullish().transform((text) => text ?? ''),
  })
  .refine(({ firstPort, lastPort }) => firstPort <= lastPort, { path: ['lastPort'], message: 'is not below the first port' })
  .refine(({ firstPort, lastPort }) => lastPort - firstPort < MOST_PORTS, {
    path: ['lastPort'],
    message: `makes more than ${String(MOST_PORTS)} ports at once`,
  })

const ids = z
  .array(z.uuid('is no port of the stock'))
  .min(1, 'are missing')
  .max(MOST_IDS, `are at most ${String(MOST_IDS)}`)
const removeInput = z.object({ nodeId: z.string(), ids })
const updateInput = z.object({ nodeId: z.string(), ids, note })

export type AllocationServiceDeps = { db: Database; bus: EventBus; audit: AuditService; readModel: AllocationReadModel }

export function createAllocationService({ db, bus, audit, readModel }: AllocationServiceDeps): AllocationService {
  /** One change of a node's stock; the node's row is locked first, as whoever reserves ports does. */
  async function change<T>(
    actor: Actor,
    nodeId: string,
    work: (tx: Transaction) => Promise<{ result: T; record: Record<string, string | number | readonly string[]> }>,
  ): Promise<T> {
    return db.transaction(async (tx) => {
      const node = await lockNode(tx, nodeId)
      const { result, record } = await work(tx)
      await audit.record(tx, actor, { action: 'allocation:manage', subject: { kind: 'node', id: nodeId, name: node.name }, change: record })
      tx.afterCommit(() => {
        bus.publish('node', { nodeId })
      })
      return result
    })
  }

  return {
    page: readModel.page,

    add(actor, input) {
      const { nodeId, ...range } = validate(addInput, input)
      return change(actor, nodeId, async (tx) => {
        const duplicatePorts = await addStock(tx, nodeId, range)
        if ((await tx.prisma.allocation.count({ where: { nodeId } })) > LARGEST_STOCK)
          throw new ValidationError([
            { path: ['lastPort'], code: 'TOO_MANY', message: `makes more than ${String(LARGEST_STOCK)} ports of one node` },
          ])
        const addedCount = range.lastPort - range.firstPort + 1 - duplicatePorts.length
        return { result: { addedCount, duplicatePorts }, record: { ...range, addedCount } }
      })
    },

    remove(actor, input) {
      const { nodeId, ids: given } = validate(removeInput, input)
      return change(actor, nodeId, async (tx) => {
        const rows = await lockStock(tx, nodeId, given)
        const used = rows.filter((row) => row.serverId !== null)
        if (used.length > 0)
          throw new AllocationInUseError(
            used.map((row) => ({
              id: row.id,
              ip: row.ip,
              port: row.port,
              takenBy: row.ownerId !== null && canSee(actor, { ownerId: row.ownerId }) ? row.serverName : null,
            })),
          )
        const removed = rows.map((row) => row.id)
        await tx.prisma.allocation.deleteMany({ where: { id: { in: removed } } })
        return { result: removed, record: { removed: rows.map((row) => `${row.ip}:${String(row.port)}`) } }
      })
    },

    async update(actor, input) {
      const { nodeId, ids: given, note: text } = validate(updateInput, input)
      const changed = await change(actor, nodeId, async (tx) => {
        const rows = await lockStock(tx, nodeId, given)
        const found = rows.map((row) => row.id)
        await tx.prisma.allocation.updateMany({ where: { id: { in: found } }, data: { note: text } })
        return { result: found, record: { note: text, ports: rows.map((row) => `${row.ip}:${String(row.port)}`) } }
      })
      return readModel.byIds(actor, changed)
    },
  }
}
