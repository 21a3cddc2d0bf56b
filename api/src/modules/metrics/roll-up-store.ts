import type { Database, Transaction } from '../../db/database.ts'
import { createDays } from './sample-days-store.ts'
import { columnOf, DAY_MS, ORIGIN, OWNERS, ROLL_UPS, SUBJECTS, type Retention, type RollUp, type Subject } from './series.ts'

/** Turns raw measurements into coarser ones, and drops what is too old. Both may be cut off anywhere and run again. */
export type RollUpStore = {
  /** Brings the roll-ups of every changed hour up to date. */
  rollUp(): Promise<void>
  /** Makes the next days' partitions, drops old rows, and those of servers and nodes that are gone. */
  retain(): Promise<void>
}

/** Hours of a server that one transaction works on: far from its time limit, on a busy machine too. */
const HOURS_AT_ONCE = 200
const DAYS_AHEAD = 2

type Hour = { key: number; hour: Date }

const COLUMNS = { server: columnsOf('server'), node: columnsOf('node') }

/** Columns of a roll-up, with what they are made of: raw rows, or a finer roll-up whose averages weigh by their counts. */
function columnsOf(subject: Subject) {
  const { measures, limits } = SUBJECTS[subject]
  const columns = measures.map(columnOf)
  const greatest = limits.map(columnOf)
  return {
    names: [
      'count',
      ...columns.flatMap((column) => [`${column}_min`, `${column}_avg`, `${column}_max`]),
      ...greatest.map((name) => `${name}_max`),
    ],
    ofRaw: [
      'count(*)',
      ...columns.flatMap((column) => [`min(${column})`, `avg(${column})`, `max(${column})`]),
      ...greatest.map((name) => `max(${name})`),
    ],
    ofRollUp: [
      'sum(count)',
      ...columns.flatMap((column) => [`min(${column}_min)`, `sum(${column}_avg * count) / sum(count)`, `max(${column}_max)`]),
      ...greatest.map((name) => `max(${name}_max)`),
    ],
  }
}

/** $1 and $2: keys, and the beginnings of what has changed, which is `span` long. */
function upsert(subject: Subject, target: RollUp, seconds: number, source: 'sample' | RollUp, span: string): string {
  const { names, ofRaw, ofRollUp } = COLUMNS[subject]
  const table = `series.${subject}_${target}`
  const key = source === 'sample' ? `${subject}_key` : 'key'
  return `insert into ${table} (key, at, ${names.join(', ')})
    select t.key, date_bin(interval '${String(seconds)} seconds', s.at, '${ORIGIN}'), ${(source === 'sample' ? ofRaw : ofRollUp).join(', ')}
    from unnest($1::integer[], $2::timestamptz[]) as t(key, start)
    join series.${subject}_${source} s on s.${key} = t.key and s.at >= t.start and s.at < t.start + interval '${span}'
    group by 1, 2
    on conflict (key, at) do update set (${names.join(', ')}) = row(${names.map((name) => `excluded.${name}`).join(', ')})
    where excluded.count > ${table.split('.')[1] ?? ''}.count`
}

export function createRollUpStore({ db, now, retention }: { db: Database; now: () => Date; retention: Retention }): RollUpStore {
  const days = createDays(db)
  const subjects = ['server', 'node'] as const

  /** Raw rows only become more, until they are dropped whole: a bucket that would shrink is kept as it is. */
  async function rollUpHours(tx: Transaction, subject: Subject, hours: readonly Hour[]): Promise<void> {
    const keys = hours.map(({ key }) => key)
    const starts = hours.map(({ hour }) => hour)
    await tx.prisma.$executeRawUnsafe(upsert(subject, '5m', 300, 'sample', '1 hour'), keys, starts)
    await tx.prisma.$executeRawUnsafe(upsert(subject, '1h', 3600, '5m', '1 hour'), keys, starts)
    const daysOf = new Map(hours.map(({ key, hour }) => [`${String(key)} ${hour.toISOString().slice(0, 10)}`, { key, hour }]))
    const changedDays = [...daysOf.values()]
    await tx.prisma.$executeRawUnsafe(
      upsert(subject, '1d', 86_400, '1h', '1 day'),
      changedDays.map(({ key }) => key),
      changedDays.map(({ hour }) => new Date(Math.floor(hour.getTime() / DAY_MS) * DAY_MS)),
    )
  }

  /** @returns how many hours were worked on */
  function rollUpSome(subject: Subject): Promise<number> {
    return db.transaction(async (tx) => {
      // First and apart: the statements after it see what the writers of these hours have committed.
      const hours = await tx.prisma.$queryRawUnsafe<Hour[]>(
        `delete from series.${subject}_changed where (key, hour) in
          (select key, hour from series.${subject}_changed order by key, hour limit ${String(HOURS_AT_ONCE)} for update skip locked)
         returning key, hour`,
      )
      // Held until the commit: of what is gone nothing comes any more, and its roll-ups can be dropped.
      const kept = await tx.prisma.$queryRawUnsafe<{ key: number }[]>(
        `select key from series.${subject} where key = any($1::integer[]) order by key for key share`,
        hours.map(({ key }) => key),
      )
      const keys = new Set(kept.map(({ key }) => key))
      if (keys.size > 0)
        await rollUpHours(
          tx,
          subject,
          hours.filter(({ key }) => keys.has(key)),
        )
      return hours.length
    })
  }

  async function keepDays(subject: Subject): Promise<void> {
    const time = now().getTime()
    await days.ensure(
      subject,
      Array.from({ length: DAYS_AHEAD + 1 }, (_, index) => new Date(time + index * DAY_MS)),
    )
    await days.dropBefore(subject, new Date(time - retention.sampleDays * DAY_MS))
  }

  const keysOf = async (table: string) =>
    (await db.pool.query<{ key: number }>(`select key from series.${table}`)).rows.map(({ key }) => key)

  /** Key by key, here and below: each statement is short, however many rows there are of all. */
  async function dropGone(subject: Subject): Promise<void> {
    await db.pool.query(
      `with gone as (delete from series.${subject} k where not exists (select 1 from ${OWNERS[subject]} o where o.id = k.id) returning key)
       insert into series.${subject}_gone (key) select key from gone`,
    )
    for (const key of await keysOf(`${subject}_gone`)) {
      for (const { table } of ROLL_UPS) await db.pool.query(`delete from series.${subject}_${table} where key = $1`, [key])
      await db.pool.query(`delete from series.${subject}_gone where key = $1`, [key])
    }
  }

  async function dropOld(subject: Subject): Promise<void> {
    const time = now().getTime()
    const keptDays = { '5m': retention.fiveMinuteDays, '1h': retention.hourDays }
    for (const key of await keysOf(subject))
      for (const table of ['5m', '1h'] as const)
        await db.pool.query(`delete from series.${subject}_${table} where key = $1 and at < $2`, [
          key,
          new Date(time - keptDays[table] * DAY_MS),
        ])
  }

  return {
    async rollUp() {
      for (const subject of subjects) while ((await rollUpSome(subject)) === HOURS_AT_ONCE);
    },

    async retain() {
      const failures: unknown[] = []
      for (const step of [keepDays, dropGone, dropOld])
        for (const subject of subjects)
          await step(subject).catch((error: unknown) => {
            failures.push(error)
          })
      if (failures.length > 0) throw new AggregateError(failures, 'not everything that is too old could be dropped')
    },
  }
}
