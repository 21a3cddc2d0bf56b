import type { Database } from '../../db/database.ts'
import { DAY_MS, type Subject } from './series.ts'

/** The daily partitions of raw measurements. */
export type SampleDays = {
  /** Makes those of these times, where they are missing. */
  ensure(subject: Subject, times: readonly Date[]): Promise<void>
  /** Drops those that ended before. */
  dropBefore(subject: Subject, time: Date): Promise<void>
}

const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10)
const partitionOf = (subject: Subject, day: string) => `${subject}_sample_${day.replaceAll('-', '_')}`

/** Waits no longer than this for a table that is in use; the next run tries again. */
const LOCK_TIMEOUT = '5s'

export function createDays(db: Database): SampleDays {
  const known = new Set<string>()

  /** Two writers may find the same day missing: the second waits for the first, and then finds it. */
  async function make(subject: Subject, day: string): Promise<void> {
    const partition = partitionOf(subject, day)
    if (known.has(partition)) return
    const { rows } = await db.pool.query<{ isMissing: boolean }>('select to_regclass($1) is null as "isMissing"', [`series.${partition}`])
    if (rows[0]?.isMissing === true) {
      const next = dayOf(Date.parse(day) + DAY_MS)
      await db.transaction(async (tx) => {
        await tx.prisma.$executeRaw`select pg_advisory_xact_lock(hashtext('series partitions'))`
        // The name and both days are made here, of letters and digits: DDL takes no parameters.
        await tx.prisma.$executeRawUnsafe(
          `create table if not exists series.${partition} partition of series.${subject}_sample for values from ('${day} 00:00:00+00') to ('${next} 00:00:00+00')`,
        )
      })
    }
    known.add(partition)
  }

  return {
    async ensure(subject, times) {
      for (const day of new Set(times.map((time) => dayOf(time.getTime())))) await make(subject, day)
    },

    async dropBefore(subject, time) {
      const { rows } = await db.pool.query<{ name: string }>(
        `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass`,
        [`series.${subject}_sample`],
      )
      // A day ends where the next one begins.
      const newest = partitionOf(subject, dayOf(time.getTime() - DAY_MS))
      const old = rows.map(({ name }) => name).filter((name) => /^(server|node)_sample_\d{4}_\d{2}_\d{2}$/.test(name) && name <= newest)
      for (const name of old) {
        await db.transaction(async (tx) => {
          await tx.prisma.$executeRawUnsafe(`set local lock_timeout = '${LOCK_TIMEOUT}'`)
          await tx.prisma.$executeRawUnsafe(`drop table if exists series.${name}`)
        })
        known.delete(name)
      }
    },
  }
}
