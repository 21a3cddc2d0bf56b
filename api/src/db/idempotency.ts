import { createHash } from 'node:crypto'
import type { Prisma } from '@catalyst/prisma/client'
import type { Database, Transaction } from './database.ts'
import { IdempotencyConflictError, ValidationError } from '../lib/errors.ts'

const KEPT_MS = 24 * 3_600_000

/**
 * Runs `work` once for a key of an actor: the same key and input give the same result again for 24 h. A repetition that
 * comes while the first is under way waits for it. `result` holds ids, from which the answer is read anew.
 * @throws IdempotencyConflictError when the input is another one
 */
export async function once<Result extends Prisma.InputJsonObject>(
  tx: Transaction,
  actorId: string,
  mutation: string,
  key: string | null | undefined,
  input: object,
  work: () => Promise<Result>,
): Promise<Result> {
  if (key === null || key === undefined) return work()
  if (key.length === 0 || key.length > 200 || key.includes('\0'))
    throw new ValidationError([{ path: ['idempotencyKey'], code: 'INVALID_KEY', message: 'has 1 to 200 characters and no NUL' }])
  const inputHash = createHash('sha256').update(JSON.stringify(input)).digest()
  const id = { actorId, mutation, key }
  await tx.prisma.idempotencyKey.deleteMany({ where: { ...id, createdAt: { lt: new Date(Date.now() - KEPT_MS) } } })
  // Waits here while another transaction has inserted the same key and is not done.
  const taken = await tx.prisma.$executeRaw`
    insert into "IdempotencyKey" ("actorId", mutation, key, "inputHash", result) values (${actorId}::uuid, ${mutation}, ${key}, ${inputHash}, '{}') on conflict do nothing`
  if (taken === 0) {
    const row = await tx.prisma.idempotencyKey.findUniqueOrThrow({ where: { actorId_mutation_key: id } })
    if (!Buffer.from(row.inputHash).equals(inputHash)) throw new IdempotencyConflictError()
    return row.result as Result
  }
  const result = await work()
  await tx.prisma.idempotencyKey.update({ where: { actorId_mutation_key: id }, data: { result } })
  return result
}

/** Drops the keys whose time is over. */
export async function forgetKeys(db: Database): Promise<void> {
  await db.prisma.idempotencyKey.deleteMany({ where: { createdAt: { lt: new Date(Date.now() - KEPT_MS) } } })
}
