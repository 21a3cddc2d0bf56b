import { setTimeout as delay } from 'node:timers/promises'
import type { ProductDatabase } from './faults/product-database.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** A time without measurements, ms since 1970. */
export type SeededGap = { from: number; to: number }

/**
 * Thirty days of a server and a day of its node, up to now, as their agent would have measured them, and rolled up. The last day is
 * every 30 s, what is older every 10 min.
 */
export async function seedMetrics(
  database: ProductDatabase,
  subject: { serverId: string; nodeId: string },
  gaps: readonly SeededGap[],
): Promise<void> {
  const now = Date.now()
  const days = Array.from({ length: 32 }, (_, index) => new Date(now - (30 - index) * DAY).toISOString().slice(0, 10))
  const partitions = days.slice(0, -1).flatMap((day, index) =>
    (['server', 'node'] as const).map(
      (name) =>
        `create table if not exists series.${name}_sample_${day.replaceAll('-', '_')} partition of series.${name}_sample
         for values from ('${day} 00:00+00') to ('${days[index + 1] ?? ''} 00:00+00');`,
    ),
  )
  await database.rows(partitions.join('\n'))
  const wave = (period: string) => `sin(extract(epoch from at) / ${period})`
  const without = `not exists (select 1 from unnest($2::timestamptz[], $3::timestamptz[]) as gap(a, b) where at >= gap.a and at < gap.b)`
  const between = (from: string, to: string, step: string) =>
    `select generate_series(date_trunc('minute', now() - interval '${from}'), now() - interval '${to}', interval '${step}') as at`
  const lastDay = between('25 hours', '30 seconds', '30 seconds')
  const times = { server: `${between('30 days', '25 hours 1 minute', '10 minutes')} union all ${lastDay}`, node: lastDay }
  const edges = [gaps.map(({ from }) => new Date(from)), gaps.map(({ to }) => new Date(to))]
  for (const name of ['server', 'node'] as const)
    await database.rows(`insert into series.${name} (id) values ($1) on conflict do nothing`, [subject[`${name}Id`]])
  await database.rows(
    `insert into series.server_sample (server_key, at, cpu_percent, memory_bytes, memory_limit_bytes, disk_bytes, disk_read_bytes_per_second,
       disk_write_bytes_per_second, network_rx_bytes_per_second, network_tx_bytes_per_second, process_count)
     select key, at, 25 + 12 * ${wave('7000')} + 8 * random(), 4e8 + 5e7 * ${wave('20000')} + 1e7 * random(), 536870912, 3e8 + 40 * extract(epoch from at - now() + interval '30 days'),
       2e4 * random(), 2e5 * random(), 1e5 + 5e4 * ${wave('9000')}, 1e6 + 4e5 * ${wave('9000')} + 2e5 * random(), 3
     from series.server, (${times.server}) as times where id = $1 and ${without} on conflict do nothing`,
    [subject.serverId, ...edges],
  )
  await database.rows(
    `insert into series.node_sample (node_key, at, cpu_percent, load_average, memory_bytes, memory_limit_bytes, disk_bytes, disk_limit_bytes,
       disk_read_bytes_per_second, disk_write_bytes_per_second, network_rx_bytes_per_second, network_tx_bytes_per_second, container_count)
     select key, at, 90 + 30 * ${wave('7000')} + 20 * random(), 1.5 + ${wave('7000')}, 3e9, 8e9, 4e10, 1e11, 1e5 * random(), 1e6 * random(), 1e6, 5e6, 3
     from series.node, (${times.node}) as times where id = $1 and ${without} on conflict do nothing`,
    [subject.nodeId, ...edges],
  )
  for (const name of ['server', 'node'] as const)
    await database.rows(
      `insert into series.${name}_changed select distinct s.${name}_key, date_trunc('hour', at, 'UTC') from series.${name}_sample s
       join series.${name} k on k.key = s.${name}_key where k.id = $1 on conflict do nothing`,
      [subject[`${name}Id`]],
    )
  // The job of the registry rolls up: now, instead of within a minute.
  const deadline = performance.now() + 60_000
  for (;;) {
    await database.rows(`update agenda.agenda_jobs set next_run_at = now() where name = 'metrics: roll up' and locked_at is null`)
    const [left] = await database.rows<{ count: number }>(
      `select (select count(*) from series.server_changed)::int + (select count(*) from series.node_changed)::int as count`,
    )
    // The agent goes on measuring: the present hour is never done.
    if ((left?.count ?? 0) < 5) return
    if (performance.now() > deadline) throw new Error(`${String(left?.count)} hours were not rolled up in time`)
    await delay(200)
  }
}

/** Puts into a server's history what its agent would have told. */
export async function seedEvents(
  database: ProductDatabase,
  serverId: string,
  events: readonly { at: number; kind: 'STARTED' | 'EXITED'; reason?: string }[],
): Promise<void> {
  for (const { at, kind, reason } of events)
    await database.rows(`insert into "ServerEvent" ("serverId", kind, data, "occurredAt") values ($1, $2, $3, $4)`, [
      serverId,
      kind,
      JSON.stringify(reason === undefined ? {} : { reason }),
      new Date(at),
    ])
}
