import type { Node } from '@catalyst/prisma/client'
import { isDuplicate, type Database, type Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { nameOf, type Actor } from '../../lib/actor.ts'
import { NodeInUseError, NotFoundError, ValidationError } from '../../lib/errors.ts'
import { isId } from '../../lib/ids.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import { validate } from '../../lib/validate.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { recordNodeEvent } from './node-events.ts'
import { updateNodeInput } from './node-input.ts'
import { lockNode } from './node-store.ts'
import type { NodeHistoryEntry, NodeReadModel, NodeUsage, NodeView } from './node-read-model.ts'

export type Resources = { memoryMiB: number; cpuPercent: number; diskMiB: number }

/** A node as it is now; null when it was deleted. */
export type NodeChange = { occurredAt: Date; nodeId: string; node: NodeView | null }

export type NodeService = {
  page(actor: Actor, request: PageRequest): Promise<Page<NodeView>>
  /** In the order of the ids; null for an unknown one. */
  byIds(ids: readonly string[]): Promise<(NodeView | null)[]>
  /** What the servers of each node use by their newest measurements. */
  usage(ids: readonly string[]): Promise<NodeUsage[]>
  /** Newest first. */
  history(actor: Actor, nodeId: string, request: PageRequest): Promise<Page<NodeHistoryEntry>>
  /** Free ports of a node, lowest first. */
  freePorts(nodeId: string, first: number): Promise<{ ip: string; port: number }[]>
  /** Every change of a node. */
  events(actor: Actor, signal: AbortSignal): AsyncIterable<NodeChange>
  /** Changes what is given. @throws ValidationError, NotFoundError */
  update(actor: Actor, input: { id: string }): Promise<NodeView>
  /** Forgets a node and its ports, and ends its session. @throws NotFoundError, NodeInUseError */
  remove(actor: Actor, id: string): Promise<void>
}

type Settings = Pick<
  Node,
  'name' | 'location' | 'tags' | 'isMaintenance' | 'memoryOvercommitPercent' | 'cpuOvercommitPercent' | 'diskOvercommitPercent'
>

/** Settings that became different, as texts. */
function changesOf(before: Settings, after: Partial<Settings>): { field: keyof Settings; from: string; to: string }[] {
  return Object.entries(after).flatMap(([key, to]) => {
    const field = key as keyof Settings
    const [old, now] = [before[field], to].map((value) => (Array.isArray(value) ? value.join(', ') : String(value)))
    return old === undefined || now === undefined || old === now ? [] : [{ field, from: old, to: now }]
  })
}

export type NodeServiceDeps = {
  db: Database
  bus: EventBus
  audit: AuditService
  readModel: NodeReadModel
  /** The newest measurement of a server; null when there is none of the last minutes. */
  latestSample: (serverId: string) => { memoryBytes: number; cpuPercent: number; diskBytes: number } | null
}

export function createNodeService({ db, bus, audit, readModel, latestSample }: NodeServiceDeps): NodeService {
  async function known(id: string): Promise<NodeView> {
    const [node] = await readModel.byIds([id])
    if (node == null) throw new NotFoundError('The node')
    return node
  }

  return {
    page: (_actor, request) => readModel.page(request),
    byIds: (ids) => readModel.byIds(ids),
    history: (_actor, nodeId, request) => readModel.history(nodeId, request),
    freePorts: (nodeId, first) => readModel.freePorts(nodeId, first),

    async usage(ids) {
      const serversOf = await readModel.serverIds(ids)
      return ids.map((id) => {
        const used: NodeUsage = { memoryBytes: 0, cpuPercent: 0, diskBytes: 0 }
        for (const serverId of serversOf.get(id) ?? []) {
          const sample = latestSample(serverId)
          if (sample === null) continue
          used.memoryBytes += sample.memoryBytes
          used.cpuPercent += sample.cpuPercent
          used.diskBytes += sample.diskBytes
        }
        return used
      })
    },

    async *events(_actor, signal) {
      for await (const { nodeId } of bus.subscribe('node', { signal })) {
        const occurredAt = new Date()
        const [node = null] = await readModel.byIds([nodeId])
        yield { occurredAt, nodeId, node }
      }
    },

    async update(actor, input) {
      const { id } = input
      const given = validate(updateNodeInput, input)
      const wanted = Object.fromEntries(Object.entries(given).filter(([, value]) => value != null)) as Partial<Settings>
      const change = async (tx: Transaction) => {
        const before = await lockNode(tx, id)
        const changes = changesOf(before, wanted)
        if (changes.length === 0) return
        await tx.prisma.node.update({ where: { id }, data: wanted })
        const record = (kind: Parameters<typeof recordNodeEvent>[3], fields: typeof changes) =>
          fields.length === 0 ? Promise.resolve() : recordNodeEvent(tx, bus, id, kind, { changes: fields }, nameOf(actor))
        await record(
          'RENAMED',
          changes.filter(({ field }) => field === 'name'),
        )
        await record(
          'CHANGED',
          changes.filter(({ field }) => field !== 'name' && field !== 'isMaintenance'),
        )
        if (changes.some(({ field }) => field === 'isMaintenance'))
          await recordNodeEvent(tx, bus, id, wanted.isMaintenance === true ? 'MAINTENANCE_ON' : 'MAINTENANCE_OFF', {}, nameOf(actor))
        await audit.record(tx, actor, {
          action: 'node:manage',
          subject: { kind: 'node', id, name: wanted.name ?? before.name },
          change: Object.fromEntries(changes.map(({ field, to }) => [field, to])),
        })
      }
      await db.transaction(change).catch((error: unknown) => {
        if (!isDuplicate(error)) throw error
        throw new ValidationError([{ path: ['name'], code: 'TAKEN', message: 'is the name of another node' }])
      })
      return known(id)
    },

    async remove(actor, id) {
      await db.transaction(async (tx) => {
        // Before the node, as enrolling does, or the two wait crosswise.
        if (isId(id)) await tx.prisma.enrolmentToken.deleteMany({ where: { nodeId: id, usedAt: null } })
        const node = await lockNode(tx, id)
        // Those that are being deleted too: only the node's word frees what they left on it.
        const servers = await tx.prisma.server.count({ where: { nodeId: id } })
        if (servers > 0) throw new NodeInUseError(node.name, servers)
        await tx.prisma.node.delete({ where: { id } })
        await audit.record(tx, actor, {
          action: 'node:manage',
          subject: { kind: 'node', id, name: node.name },
          change: { isDeleted: true },
        })
        tx.afterCommit(() => {
          bus.publish('nodeRevoked', { nodeId: id, isGone: true })
          bus.publish('node', { nodeId: id })
        })
      })
    },
  }
}
