import type { Database, Transaction } from '../../db/database.ts'
import { MOST_AHEAD_MS } from '../../lib/clock.ts'
import type { NodeMetrics, ServerMetrics } from './metrics-service.ts'
import { createDays } from './sample-days-store.ts'
import { columnOf, DAY_MS, OWNERS, SUBJECTS, typeOf, type Limit, type Measure, type Subject } from './series.ts'

/** Measurements in the schema `series`: one row for each moment of a server or node, in a partition for each day. */
export type SampleStore = {
  /**
   * Stores each moment of a server once: a repeated message is harmless. Absurd times and unknown servers are passed over.
   * Those whose times are not absurd.
   */
  append(samples: readonly StoredSample[]): Promise<StoredSample[]>
  /** The same for a node. */
  appendNode(nodeId: string, samples: readonly NodeMetrics[]): Promise<NodeMetrics[]>
  /** Drops all rows of a server, in the transaction that deletes it. Roll-ups follow with the next retention. */
  forget(tx: Transaction, serverId: string): Promise<void>
}

type StoredSample = ServerMetrics & { serverId: string }

export type SampleStoreDeps = { db: Database; now: () => Date; sampleDays: number }

type Sample = { id: string; at: Date } & Partial<Record<Measure | Limit, number>>

/** Within `real`: a larger number would have the whole message refused, and sent again for ever. */
const LARGEST = 1e30

/** An array for PostgreSQL; much quicker than the driver's, which looks at each value. */
const arrayOf = (values: readonly number[]) => `{${values.join(',')}}`

const clamp = (value: number) => Math.min(LARGEST, Math.max(0, value))

/** Names of the columns after the key and the time. */
const columnsOf = (subject: Subject) => [...SUBJECTS[subject].measures, ...SUBJECTS[subject].limits]

/** A row with this key is there already (PostgreSQL, appendix A). */
const UNIQUE_VIOLATION = '23505'

/**
 * Adds rows, which name their server or node by its number in the first parameter, and notes the hours that changed, in one
 * statement. A note that is there is locked until the samples are visible, so that a roll-up in between does not take it without
 * them. `isRepeated`: some rows may be there; to look for each first takes half as long again.
 */
function insertStatement(subject: Subject, isRepeated: boolean): string {
  const names = columnsOf(subject)
  const columns = names.map(columnOf)
  const parameters = names.map((name, index) => `$${String(index + 4)}::${typeOf(name)}[]`)
  return `with k as (
      select known.key, given.number from unnest($1::uuid[]) with ordinality given(id, number)
      join series.${subject} known on known.id = given.id order by known.key for key share of known),
    added as (
      insert into series.${subject}_sample (${subject}_key, at, ${columns.join(', ')})
      select k.key, to_timestamp(s.at), ${columns.map((column) => `s.${column}`).join(', ')}
      from unnest($2::int[], $3::float8[], ${parameters.join(', ')}) as s(number, at, ${columns.join(', ')}) join k on k.number = s.number
      ${isRepeated ? 'on conflict do nothing ' : ''}returning ${subject}_key as key, at)
    insert into series.${subject}_changed (key, hour)
    select distinct key, date_bin('1 hour', at, 'epoch') from added order by 1, 2
    on conflict (key, hour) do update set hour = excluded.hour where false`
}

export function createSampleStore({ db, now, sampleDays }: SampleStoreDeps): SampleStore {
  const days = createDays(db)
  /** Those that have a key. Of one that has lost it since, nothing is stored: it is gone. */
  const known = { server: new Set<string>(), node: new Set<string>() }
  const statementsOf = (subject: Subject) => ({
    fresh: { name: `series-${subject}-append`, text: insertStatement(subject, false) },
    repeated: { name: `series-${subject}-append-again`, text: insertStatement(subject, true) },
  })
  const statements = { server: statementsOf('server'), node: statementsOf('node') }

  async function addKeys(subject: Subject, ids: readonly string[]): Promise<void> {
    await db.pool.query({
      name: `series-${subject}-keys`,
      text: `insert into series.${subject} (id) select o.id from ${OWNERS[subject]} o
        where o.id = any($1::uuid[]) and not exists (select 1 from series.${subject} k where k.id = o.id) on conflict do nothing`,
      values: [ids],
    })
    for (const id of ids) known[subject].add(id)
  }

  function plausible<T extends { at: Date }>(samples: readonly T[]): T[] {
    const time = now().getTime()
    return samples.filter(({ at }) => at.getTime() > time - sampleDays * DAY_MS && at.getTime() < time + MOST_AHEAD_MS)
  }

  async function insert(subject: Subject, kept: readonly Sample[]): Promise<void> {
    if (kept.length === 0) return
    await days.ensure(
      subject,
      kept.map(({ at }) => at),
    )
    const ids = [...new Set(kept.map(({ id }) => id))]
    const added = ids.filter((id) => !known[subject].has(id))
    if (added.length > 0) await addKeys(subject, added)
    const numbers = new Map(ids.map((id, index) => [id, index + 1]))
    const columns = columnsOf(subject).map((name) => arrayOf(kept.map((sample) => clamp(sample[name] ?? 0))))
    const values = [
      ids,
      arrayOf(kept.map(({ id }) => numbers.get(id) ?? 0)),
      arrayOf(kept.map(({ at }) => at.getTime() / 1000)),
      ...columns,
    ]
    const { fresh, repeated } = statements[subject]
    try {
      await db.pool.query({ ...fresh, values })
    } catch (error) {
      if ((error as { code?: unknown }).code !== UNIQUE_VIOLATION) throw error
      await db.pool.query({ ...repeated, values })
    }
  }

  return {
    async append(samples) {
      const kept = plausible(samples)
      await insert(
        'server',
        kept.map(({ serverId, ...sample }) => ({ id: serverId, ...sample })),
      )
      return kept
    },
    async appendNode(nodeId, samples) {
      const kept = plausible(samples)
      await insert(
        'node',
        kept.map((sample) => ({ id: nodeId, ...sample })),
      )
      return kept
    },

    async forget(tx, serverId) {
      known.server.delete(serverId)
      // The key goes first: a writer that holds it is waited for, the next one does not find it.
      await tx.prisma.$executeRaw`
        with gone as (delete from series.server where id = ${serverId}::uuid returning key),
          noted as (insert into series.server_gone (key) select key from gone)
        delete from series.server_sample using gone where server_key = gone.key`
    },
  }
}
