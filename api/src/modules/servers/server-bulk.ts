import { createHash } from 'node:crypto'
import { once } from '../../db/idempotency.ts'
import type { Database } from '../../db/database.ts'
import type { UserActor } from '../../lib/actor.ts'
import { DomainError, ValidationError } from '../../lib/errors.ts'

export type BulkInput = { ids: readonly string[]; idempotencyKey?: string | null | undefined }

/** What became of one server: ids of what changed, or why nothing did. */
export type BulkOutcome = { serverId: string; isDone: boolean; commandId: string | null; error: DomainError | null }

type Work = (
  actor: UserActor,
  input: { id: string; idempotencyKey: string | null },
) => Promise<{ serverId: string; commandId: string | null }>

const MOST_SERVERS = 100
/** Transactions at once: the pool has room for others beside them. */
const AT_ONCE = 6

/**
 * Does the same with many servers, each in its own transaction: one that is refused does not stop the rest. With a key, a
 * repetition does what is left and answers the rest as before. Outcomes come in the order of the ids.
 * @throws ValidationError, IdempotencyConflictError; what is no refusal of one server
 */
export async function forEachServer(
  db: Database,
  actor: UserActor,
  mutation: string,
  { ids, idempotencyKey }: BulkInput,
  work: Work,
): Promise<BulkOutcome[]> {
  const problem = (code: string, message: string) => new ValidationError([{ path: ['ids'], code, message }])
  if (ids.length === 0 || ids.length > MOST_SERVERS) throw problem('INVALID', `has 1 to ${String(MOST_SERVERS)} servers`)
  if (new Set(ids).size !== ids.length) throw problem('DUPLICATE', 'names a server twice')
  const key = idempotencyKey ?? null
  // Remembers the whole selection; each server then remembers its own answer.
  if (key !== null) await db.transaction((tx) => once(tx, actor.id, mutation, key, { ids }, async () => ({})))

  const keyOf = (id: string) => (key === null ? null : createHash('sha256').update(`${key}/${id}`).digest('base64url'))

  const outcomes: BulkOutcome[] = []
  const waiting = [...ids.entries()]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, id] = next
      try {
        outcomes[index] = { ...(await work(actor, { id, idempotencyKey: keyOf(id) })), isDone: true, error: null }
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        outcomes[index] = { serverId: id, isDone: false, commandId: null, error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, worker))
  return outcomes
}
