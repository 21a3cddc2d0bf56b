import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Node } from '@catalyst/prisma/client'
import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { SYSTEM, type Actor } from '../../lib/actor.ts'
import { ValidationError } from '../../lib/errors.ts'
import { newId } from '../../lib/ids.ts'
import { validate } from '../../lib/validate.ts'
import { addStock } from '../allocations/allocation-store.ts'
import type { AuditService } from '../audit/audit-service.ts'
import type { NodePage, NodeReadModel, NodeView } from './node-read-model.ts'

export type { Node }
export type Resources = { memoryMiB: number; cpuPercent: number; diskMiB: number }

/** The enrolment was refused: token unknown, used with another key, or expired. */
export class EnrolmentRefusedError extends Error {
  override readonly name = 'EnrolmentRefusedError'
}

export type NodeService = {
  /** A single-use token that lets one machine become a node. @throws ValidationError */
  createEnrolmentToken(
    actor: Actor,
    input: { name: string; address: string; firstPort: number; lastPort: number },
  ): Promise<{ token: string; expiresAt: Date }>
  /** Makes the node of a token. Repeating it with the same key answers the same node. @throws EnrolmentRefusedError */
  enrol(token: string, publicKey: Uint8Array<ArrayBuffer>, agentVersion: string): Promise<Node>
  page(actor: Actor, request: { first: number; after: string | null }): Promise<NodePage>
  /** In the order of the ids; null for an unknown one. */
  byIds(ids: readonly string[]): Promise<(NodeView | null)[]>
  /** Free ports of a node, lowest first. */
  freePorts(nodeId: string, first: number): Promise<{ ip: string; port: number }[]>
  /** Every change of a node, with the node as it is then. */
  events(actor: Actor, signal: AbortSignal): AsyncIterable<{ occurredAt: Date; node: NodeView }>
}

const TOKEN_HOURS = 1

const enrolmentInput = z
  .object({
    name: z.string().trim().min(1).max(64),
    address: z.union([z.ipv4(), z.hostname()]),
    firstPort: z.int().min(1024).max(65535),
    lastPort: z.int().min(1024).max(65535),
  })
  .refine(({ firstPort, lastPort }) => firstPort <= lastPort, { path: ['lastPort'], message: 'is not below the first port' })

const digest = (token: string) => new Uint8Array(createHash('sha256').update(token).digest())

export type NodeServiceDeps = { db: Database; bus: EventBus; audit: AuditService; readModel: NodeReadModel }

export function createNodeService({ db, bus, audit, readModel }: NodeServiceDeps): NodeService {
  return {
    async createEnrolmentToken(actor, input) {
      const { name, address, firstPort, lastPort } = validate(enrolmentInput, input)
      if ((await db.prisma.node.count({ where: { name } })) > 0)
        throw new ValidationError([{ path: ['name'], code: 'TAKEN', message: 'is the name of another node' }])
      const token = randomBytes(32).toString('base64url')
      const expiresAt = new Date(Date.now() + TOKEN_HOURS * 3_600_000)
      await db.transaction(async (tx) => {
        const id = newId()
        await tx.prisma.enrolmentToken.create({
          data: { id, tokenHash: digest(token), nodeName: name, address, firstPort, lastPort, expiresAt },
        })
        await audit.record(tx, actor, {
          action: 'node:manage',
          subject: { kind: 'enrolmentToken', id, name },
          change: { address, firstPort, lastPort },
        })
      })
      return { token, expiresAt }
    },

    async enrol(token, publicKey, agentVersion) {
      return db.transaction(async (tx) => {
        // Locked: two agents with one token cannot both become a node.
        const [row] = await tx.prisma.$queryRaw<
          { id: string }[]
        >`select id from "EnrolmentToken" where "tokenHash" = ${digest(token)} for update`
        const enrolment = row === undefined ? null : await tx.prisma.enrolmentToken.findUnique({ where: { id: row.id } })
        if (enrolment === null) throw new EnrolmentRefusedError('The enrolment token is not known.')
        if (enrolment.usedAt !== null) {
          const node = await tx.prisma.node.findUnique({ where: { name: enrolment.nodeName } })
          if (node !== null && Buffer.from(node.publicKey).equals(publicKey)) return node
          throw new EnrolmentRefusedError('The enrolment token has been used.')
        }
        if (enrolment.expiresAt <= new Date()) throw new EnrolmentRefusedError('The enrolment token has expired.')
        await tx.prisma.enrolmentToken.update({ where: { id: enrolment.id }, data: { usedAt: new Date() } })
        const node = await tx.prisma.node.create({
          data: { id: newId(), name: enrolment.nodeName, address: enrolment.address, publicKey, agentVersion },
        })
        await addStock(tx, node.id, enrolment.address, enrolment.firstPort, enrolment.lastPort)
        await audit.record(tx, SYSTEM, { action: 'node:enrol', subject: { kind: 'node', id: node.id, name: node.name } })
        tx.afterCommit(() => {
          bus.publish('node', { nodeId: node.id })
        })
        return node
      })
    },

    page: (_actor, request) => readModel.page(request),
    byIds: (ids) => readModel.byIds(ids),
    freePorts: (nodeId, first) => readModel.freePorts(nodeId, first),

    async *events(_actor, signal) {
      for await (const { nodeId } of bus.subscribe('node', { signal })) {
        const occurredAt = new Date()
        const [node] = await readModel.byIds([nodeId])
        if (node != null) yield { occurredAt, node }
      }
    },
  }
}
