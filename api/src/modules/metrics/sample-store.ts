import type { Database, Transaction } from '../../db/database.ts'
import type { ServerMetrics } from './metrics-service.ts'

/** Measurements in the schema `series`: one row for each moment of a server, in a partition for each day. */
export type SampleStore = {
  /** Stores each moment of a server once: a repeated message is harmless. Absurd times and unknown servers are passed over. */
  append(samples: readonly (ServerMetrics & { serverId: string })[]): Promise<void>
  /** Drops all rows of a server, in the transaction that deletes it. */
  forget(tx: Transaction, serverId: string): Promise<void>
}

/** Clocks are corrected by the agent: what is further ahead is wrong. */
const MOST_AHEAD_MS = 10 * 60_000
/** Raw measurements are kept so long. */
const KEPT_MS = 7 * 86_400_000
const DAY_MS = 86_400_000
/** Within `real`: a larger number would have the whole message refused, and sent again for ever. */
const LARGEST = 1e30

const within = (value: number) => Math.min(LARGEST, Math.max(0, value))
const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)

const INSERT = `insert into series.server_sample (server_key, at, cpu_percent, memory_bytes, memory_limit_bytes, disk_bytes,
    network_rx_bytes_per_second, network_tx_bytes_per_second, process_count)
  select k.key, s.at, s.cpu, s.memory, s.memory_limit, s.disk, s.rx, s.tx, s.processes
  from unnest($1::uuid[], $2::timestamptz[], $3::real[], $4::bigint[], $5::bigint[], $6::bigint[], $7::real[], $8::real[], $9::int[])
    as s(id, at, cpu, memory, memory_limit, disk, rx, tx, processes)
  join series.server k on k.id = s.id for share of k
  on conflict do nothing`

export function createSampleStore({ db, now }: { db: Database; now: () => Date }): SampleStore {
  /** Two writers may find the same day missing: the second waits for the first, and then finds it. */
  async function ensureDay(day: string): Promise<void> {
    const name = `series.server_sample_${day.replaceAll('-', '_')}`
    const { rows } = await db.pool.query<{ isMissing: boolean }>('select to_regclass($1) is null as "isMissing"', [name])
    if (rows[0]?.isMissing !== true) return
    const next = dayOf(Date.parse(day) + DAY_MS)
    await db.transaction(async (tx) => {
      await tx.prisma.$executeRaw`select pg_advisory_xact_lock(hashtext('series.server_sample'))`
      // The name and both days are made here, of digits: DDL takes no parameters.
      await tx.prisma.$executeRawUnsafe(
        `create table if not exists ${name} partition of series.server_sample for values from ('${day} 00:00:00+00') to ('${next} 00:00:00+00')`,
      )
    })
  }

  return {
    async append(samples) {
      const time = now().getTime()
      const kept = samples.filter(({ at }) => at.getTime() > time - KEPT_MS && at.getTime() < time + MOST_AHEAD_MS)
      if (kept.length === 0) return
      for (const day of new Set(kept.map(({ at }) => dayOf(at.getTime())))) await ensureDay(day)
      const ids = kept.map((sample) => sample.serverId)
      await db.pool.query({
        name: 'sample-keys',
        text: `insert into series.server (id) select s.id from "Server" s
          where s.id = any($1::uuid[]) and not exists (select 1 from series.server k where k.id = s.id) on conflict do nothing`,
        values: [ids],
      })
      const column = (value: (sample: ServerMetrics) => unknown) => kept.map(value)
      await db.pool.query({
        name: 'sample-append',
        text: INSERT,
        values: [
          ids,
          column((sample) => sample.at),
          column((sample) => within(sample.cpuPercent)),
          column((sample) => sample.memoryBytes),
          column((sample) => sample.memoryLimitBytes),
          column((sample) => sample.diskBytes),
          column((sample) => within(sample.networkRxBytesPerSecond)),
          column((sample) => within(sample.networkTxBytesPerSecond)),
          column((sample) => within(sample.processCount)),
        ],
      })
    },

    async forget(tx, serverId) {
      // The key goes first: a writer that holds it is waited for, the next one does not find it.
      await tx.prisma.$executeRaw`
        with gone as (delete from series.server where id = ${serverId}::uuid returning key)
        delete from series.server_sample using gone where server_key = gone.key`
    },
  }
}
