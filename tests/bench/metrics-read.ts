import type { PoolClient } from 'pg'
import { createRollUpStore } from '../../api/src/modules/metrics/roll-up-store.ts'
import { chooseSeries, type SeriesChoice } from '../../api/src/modules/metrics/series-choice.ts'
import { createSeriesReadModel, seriesStatement } from '../../api/src/modules/metrics/series-read-model.ts'
import { describeResult, figureResult, type BenchResult } from '../support/bench.ts'
import { startBenchFleet } from './metrics/fleet.ts'

// Charts of one server among a hundred that have been measured every 30 s for 30 days: the api's own statement on the table
// that it chooses, against the same statement on the raw rows. Times and buffers are those of the database.

const SERVERS = 100
const DAYS = 30
const ROUNDS = 12
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Everything raw is kept: the reference reads 30 days of it. */
const RETENTION = { sampleDays: DAYS + 2, fiveMinuteDays: 90, hourDays: 730 }

const say = (text: string) => process.stderr.write(`${text}\n`)
const fleet = await startBenchFleet(SERVERS)
const { pool } = fleet.db
const now = new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS)
const first = new Date(now.getTime() - DAYS * DAY_MS)

async function seed(client: PoolClient): Promise<void> {
  // The api's own statements are short; 30 days of a hundred servers are not.
  await client.query('set statement_timeout = 0')
  say(`writing ${String((SERVERS * DAYS * 2880) / 1e6)} million rows in the order of time`)
  await client.query('insert into series.server (id) select unnest($1::uuid[])', [fleet.serverIds])
  for (let day = -1; day <= DAYS; day += 1) {
    const from = new Date(now.getTime() - day * DAY_MS).toISOString().slice(0, 10)
    const to = new Date(now.getTime() - (day - 1) * DAY_MS).toISOString().slice(0, 10)
    await client.query(
      `create table series.server_sample_${from.replaceAll('-', '_')} partition of series.server_sample for values from ('${from} 00:00+00') to ('${to} 00:00+00')`,
    )
  }
  for (let day = 0; day < DAYS; day += 1) {
    const from = new Date(first.getTime() + day * DAY_MS)
    await client.query(
      `insert into series.server_sample (server_key, at, cpu_percent, memory_bytes, memory_limit_bytes, disk_bytes, network_rx_bytes_per_second,
         network_tx_bytes_per_second, process_count, disk_read_bytes_per_second, disk_write_bytes_per_second)
       select key, at, random() * 400, 1e9 * random(), 2147483648, 1e10 * random(), 1e6 * random(), 1e6 * random(), 10, 0, 1e5 * random()
       from generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '30 seconds') at, series.server order by at, key`,
      [from, new Date(from.getTime() + DAY_MS)],
    )
  }
  say('rolling up')
  await client.query(
    `insert into series.server_changed select key, hour from series.server, generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '1 hour') hour`,
    [first, now],
  )
  await client.query('analyze')
  await createRollUpStore({ db: fleet.db, now: () => now, retention: RETENTION }).rollUp()
  // Rolled up all at once each server's rows lie together; minute by minute those of a moment do.
  for (const table of ['server_5m', 'server_1h', 'server_1d']) {
    await client.query(`create table series.sorted as select * from series.${table}`)
    await client.query(`truncate series.${table}`)
    await client.query(`insert into series.${table} select * from series.sorted order by at, key`)
    await client.query('drop table series.sorted')
  }
  await client.query('vacuum analyze')
}

type Plan = { 'Shared Hit Blocks': number; 'Shared Read Blocks': number }
type Explained = { Plan: Plan; 'Execution Time': number; 'Planning Time': number }

async function explain(id: string, { table, stepSeconds, from, to }: SeriesChoice): Promise<{ milliseconds: number; buffers: number }> {
  const literals = [`'${id}'`, String(stepSeconds), `'${from.toISOString()}'`, `'${to.toISOString()}'`]
  const text = seriesStatement('server', table).replaceAll(/\$(\d)/g, (_, index: string) => literals[Number(index) - 1] ?? '')
  const { rows } = await pool.query<{ 'QUERY PLAN': Explained[] }>(`explain (analyze, buffers, format json) ${text}`)
  const [explained] = rows[0]?.['QUERY PLAN'] ?? []
  if (explained === undefined) throw new Error('no plan')
  const { Plan: plan } = explained
  return { milliseconds: explained['Execution Time'], buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] }
}

async function measure(name: string, rangeMs: number, goal: number): Promise<BenchResult[]> {
  const choice = chooseSeries(new Date(now.getTime() - rangeMs), now, 300, now, RETENTION)
  const raw: SeriesChoice = { ...choice, table: 'sample' }
  const readModel = createSeriesReadModel({ db: fleet.db })
  const ours: { milliseconds: number; buffers: number }[] = []
  const reference: typeof ours = []
  const whole: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = fleet.serverIds[(round * 7) % SERVERS] ?? ''
    // Each twice: the second finds the pages in memory, as the spike's figures do.
    for (const isWarm of [false, true]) {
      const [rolled, unrolled] = [await explain(id, choice), await explain(id, raw)]
      const start = performance.now()
      const { points } = await readModel.read('server', id, choice)
      if (points.filter(({ cpuPercent }) => cpuPercent !== null).length < 200) throw new Error('the chart has holes')
      if (!isWarm) continue
      whole.push(performance.now() - start)
      ours.push(rolled)
      reference.push(unrolled)
    }
  }
  const times = (list: typeof ours) => list.map(({ milliseconds }) => milliseconds)
  const buffers = (list: typeof ours) => list.map((each) => each.buffers)
  const source = `table ${choice.table}`
  const beside = figureResult(`metrics-read: ${name}, ${source}, beside raw rows`, 'ms', times(ours), null, {
    name: 'the same statement on raw rows',
    samples: times(reference),
  })
  const rawBuffers = buffers(reference).sort((a, b) => a - b)[ROUNDS >> 1] ?? 0
  say(`${name}: the raw rows take ${String(rawBuffers)} buffers`)
  return [
    figureResult(`metrics-read: ${name}, ${source}, in the database`, 'ms', times(ours), goal, null),
    figureResult(`metrics-read: ${name}, ${source}, buffers`, 'buffers', buffers(ours), 200, null),
    beside,
    figureResult(`metrics-read: ${name}, with the way to the api and its answer`, 'ms', whole, null, null),
  ]
}

try {
  const client = await pool.connect()
  await seed(client)
  client.release()
  const results = [...(await measure('24 h', DAY_MS, 5)), ...(await measure('30 d', DAYS * DAY_MS, 10))]
  for (const result of results) process.stdout.write(`${describeResult(result)}\n`)
  process.stdout.write(`${JSON.stringify(results)}\n`)
} finally {
  await fleet.dispose()
}
