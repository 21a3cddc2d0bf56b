import { nameOf, type Actor } from '../../lib/actor.ts'
import { newId } from '../../lib/ids.ts'
import type { Permission } from '../../lib/permissions.ts'
import type { Transaction } from '../../db/database.ts'

/** JSON as Prisma takes it. */
export type AuditChange = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

export type AuditRecord = {
  /** The permission that was used, or an event such as `session:sign-in-failed`. */
  action: Permission | (string & Record<never, never>)
  subject: { kind: string; id: string | null; name: string | null }
  /** What became different. Never a secret. */
  change?: AuditChange
  /** For acts of nobody (sign-in); by default the actor's. */
  address?: string | null
}

export type AuditService = {
  /** Writes the entry in the caller's transaction: the act and its record stand or fall together. */
  record(tx: Transaction, actor: Actor, record: AuditRecord): Promise<void>
}

export function createAuditService(): AuditService {
  return {
    async record(tx, actor, { action, subject, change = {}, address }) {
      await tx.prisma.auditEntry.create({
        data: {
          id: newId(),
          action,
          actorKind: actor.kind,
          actorId: actor.kind === 'system' ? null : actor.id,
          actorName: nameOf(actor),
          address: address ?? (actor.kind === 'user' ? actor.address : null),
          subjectKind: subject.kind,
          subjectId: subject.id,
          subjectName: subject.name,
          change,
        },
      })
    },
  }
}
