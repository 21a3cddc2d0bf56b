import { createHash, randomBytes } from 'node:crypto'
import type { Node } from '@catalyst/prisma/client'
import type { Database, Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import { SYSTEM, type Actor } from '../../lib/actor.ts'
import { NotFoundError, ValidationError } from '../../lib/errors.ts'
import { isId, newId } from '../../lib/ids.ts'
import { validate } from '../../lib/validate.ts'
import { addStock } from '../allocations/stock-store.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { markOffline, recordNodeEvent } from './node-events.ts'
import { enrolmentInput } from './node-input.ts'
import { lockNode } from './node-store.ts'

/** The enrolment was refused: token unknown, used with another key, or expired. */
export class EnrolmentRefusedError extends Error {
  override readonly name = 'EnrolmentRefusedError'
}

export type CreatedToken = { id: string; token: string; expiresAt: Date }
/** A token that can still be used. */
export type OpenEnrolmentToken = { id: string; nodeName: string; isRekey: boolean; createdAt: Date; expiresAt: Date }

/** How machines become nodes, and nodes get other keys. */
export type EnrolmentService = {
  /** A single-use token that lets one machine become a node. @throws ValidationError */
  createToken(actor: Actor, input: object): Promise<CreatedToken>
  /** A single-use token that lets one machine take the place of a node's. @throws NotFoundError */
  createRekeyToken(actor: Actor, nodeId: string): Promise<CreatedToken>
  /** The newest 100 that can still be used. */
  openTokens(actor: Actor): Promise<OpenEnrolmentToken[]>
  /** @throws NotFoundError for one that is unknown or was used */
  revoke(actor: Actor, id: string): Promise<void>
  /** Makes the node of a token, or gives it the key. Repeating it with the same key answers the same node. @throws EnrolmentRefusedError */
  enrol(offer: KeyOffer): Promise<Node>
}

/** What a machine offers; `machine` is the node that it is already. */
export type KeyOffer = { token: string; publicKey: Uint8Array<ArrayBuffer>; agentVersion: string; machine: string | null }

const TOKEN_MS = 3_600_000
const MOST_SHOWN = 100

const digest = (token: string) => new Uint8Array(createHash('sha256').update(token).digest())

export type EnrolmentServiceDeps = { db: Database; bus: EventBus; audit: AuditService }

export function createEnrolmentService({ db, bus, audit }: EnrolmentServiceDeps): EnrolmentService {
  type TokenRow = {
    nodeName: string
    address: string
    firstPort: number
    lastPort: number
    location: string
    tags: string[]
    nodeId: string | null
  }

  async function issue(tx: Transaction, row: TokenRow): Promise<CreatedToken> {
    // Never begins with a dash: it is an argument of a command.
    const token = `ct_${randomBytes(32).toString('base64url')}`
    const { id, expiresAt } = await tx.prisma.enrolmentToken.create({
      data: { id: newId(), tokenHash: digest(token), expiresAt: new Date(Date.now() + TOKEN_MS), ...row },
    })
    return { id, token, expiresAt }
  }

  /** Locked: two agents with one token cannot both become a node. */
  async function lockToken(tx: Transaction, token: string) {
    const [row] = await tx.prisma.$queryRaw<
      { id: string }[]
    >`select id from "EnrolmentToken" where "tokenHash" = ${digest(token)} for update`
    return row === undefined ? null : tx.prisma.enrolmentToken.findUnique({ where: { id: row.id } })
  }

  /** A machine has servers of its node: it cannot be another one before that node is gone. */
  async function refuseOtherNode(tx: Transaction, machine: string): Promise<void> {
    const node = isId(machine) ? await tx.prisma.node.findUnique({ where: { id: machine } }) : null
    if (node !== null)
      throw new EnrolmentRefusedError(
        `This machine is the node ${node.name} already: take a token for another key of it, or delete it first.`,
      )
  }

  async function makeNode(tx: Transaction, enrolment: TokenRow, publicKey: Uint8Array<ArrayBuffer>, agentVersion: string): Promise<Node> {
    const { nodeName: name, address, location, tags } = enrolment
    // Two tokens may carry one name: the first machine gets it, the other is told.
    const taken = await tx.prisma.node.createMany({
      data: [{ id: newId(), name, address, location, tags, publicKey, agentVersion }],
      skipDuplicates: true,
    })
    if (taken.count === 0) throw new EnrolmentRefusedError(`Another node is named ${name} by now.`)
    const node = await tx.prisma.node.findUniqueOrThrow({ where: { name } })
    await addStock(tx, node.id, { ip: address, firstPort: enrolment.firstPort, lastPort: enrolment.lastPort, note: '' })
    await recordNodeEvent(tx, bus, node.id, 'ENROLLED')
    await audit.record(tx, SYSTEM, { action: 'node:enrol', subject: { kind: 'node', id: node.id, name } })
    return node
  }

  async function replaceKey(tx: Transaction, nodeId: string, publicKey: Uint8Array<ArrayBuffer>, agentVersion: string): Promise<Node> {
    const before = await lockNode(tx, nodeId)
    // In one transaction with the key: what the old agent still sends is not applied any more.
    if (before.sessionId !== null) await markOffline(tx, bus, { id: nodeId, sessionId: before.sessionId }, 'REKEYED')
    const node = await tx.prisma.node.update({ where: { id: nodeId }, data: { publicKey, agentVersion } })
    await recordNodeEvent(tx, bus, nodeId, 'REKEYED')
    await audit.record(tx, SYSTEM, { action: 'node:rekey', subject: { kind: 'node', id: nodeId, name: node.name } })
    tx.afterCommit(() => {
      bus.publish('nodeRevoked', { nodeId, isGone: false })
    })
    return node
  }

  return {
    async createToken(actor, input) {
      const { name, ...content } = validate(enrolmentInput, input)
      if ((await db.prisma.node.count({ where: { name } })) > 0)
        throw new ValidationError([{ path: ['name'], code: 'TAKEN', message: 'is the name of another node' }])
      return db.transaction(async (tx) => {
        const created = await issue(tx, { nodeName: name, nodeId: null, ...content })
        await audit.record(tx, actor, { action: 'node:manage', subject: { kind: 'enrolmentToken', id: created.id, name }, change: content })
        return created
      })
    },

    async createRekeyToken(actor, nodeId) {
      return db.transaction(async (tx) => {
        const node = isId(nodeId) ? await tx.prisma.node.findUnique({ where: { id: nodeId } }) : null
        if (node === null) throw new NotFoundError('The node')
        const created = await issue(tx, {
          nodeName: node.name,
          address: node.address,
          firstPort: 0,
          lastPort: 0,
          location: '',
          tags: [],
          nodeId,
        })
        await audit.record(tx, actor, {
          action: 'node:manage',
          subject: { kind: 'enrolmentToken', id: created.id, name: node.name },
          change: { nodeId },
        })
        return created
      })
    },

    async openTokens() {
      const rows = await db.prisma.enrolmentToken.findMany({
        where: { usedAt: null, expiresAt: { gt: new Date() } },
        orderBy: { id: 'desc' },
        take: MOST_SHOWN,
      })
      return rows.map(({ id, nodeName, nodeId, createdAt, expiresAt }) => ({
        id,
        nodeName,
        isRekey: nodeId !== null,
        createdAt,
        expiresAt,
      }))
    },

    async revoke(actor, id) {
      if (!isId(id)) throw new NotFoundError('The token')
      await db.transaction(async (tx) => {
        const row = await tx.prisma.enrolmentToken.findUnique({ where: { id } })
        const { count } = await tx.prisma.enrolmentToken.deleteMany({ where: { id, usedAt: null } })
        if (row === null || count === 0) throw new NotFoundError('The token')
        await audit.record(tx, actor, {
          action: 'node:manage',
          subject: { kind: 'enrolmentToken', id, name: row.nodeName },
          change: { isRevoked: true },
        })
      })
    },

    async enrol({ token, publicKey, agentVersion, machine }) {
      return db.transaction(async (tx) => {
        const enrolment = await lockToken(tx, token)
        if (enrolment === null) throw new EnrolmentRefusedError('The enrolment token is not known.')
        if (enrolment.usedAt !== null) {
          const where = enrolment.nodeId === null ? { name: enrolment.nodeName } : { id: enrolment.nodeId }
          const node = await tx.prisma.node.findUnique({ where })
          if (node !== null && Buffer.from(node.publicKey).equals(publicKey)) return node
          throw new EnrolmentRefusedError('The enrolment token has been used.')
        }
        if (enrolment.expiresAt <= new Date()) throw new EnrolmentRefusedError('The enrolment token has expired.')
        if (machine !== null && machine !== enrolment.nodeId) await refuseOtherNode(tx, machine)
        await tx.prisma.enrolmentToken.update({ where: { id: enrolment.id }, data: { usedAt: new Date() } })
        return enrolment.nodeId === null
          ? makeNode(tx, enrolment, publicKey, agentVersion)
          : replaceKey(tx, enrolment.nodeId, publicKey, agentVersion)
      })
    },
  }
}
