import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { createSampleStore } from '../../api/src/modules/metrics/sample-store.ts'
import { describeResult, figureResult } from '../support/bench.ts'
import { startBenchFleet } from './metrics/fleet.ts'

// Measurements as an agent's messages bring them, stored by the api's own store with everything it does for them (each moment
// once, the day's partition, the hour noted for its roll-up), against binary COPY into a table of the same shape, and against
// Prisma's createMany for the time of the processor in this process.

const ROUNDS = 7
const SERVERS = 100
const BATCH = 1000
const BATCHES = 20
const PRISMA_BATCHES = 3
/** The best that COPY can do: ten times our batch. */
const COPY_BATCH = 10_000
const MOMENT_MS = 30_000
/** Microseconds between 1970 and 2000, from where PostgreSQL counts. */
const EPOCH_SHIFT = 946_684_800_000_000n

const fleet = await startBenchFleet(SERVERS)
const now = Date.now()
const store = createSampleStore({ db: fleet.db, now: () => new Date(now), sampleDays: 7 })
let moment = now - 3 * 86_400_000

const measure = (at: Date, index: number) => ({
  at,
  cpuPercent: index % 400,
  memoryBytes: 2 ** 30 + index * 4096,
  memoryLimitBytes: 2 ** 31,
  diskBytes: 2 ** 33 + index,
  diskReadBytesPerSecond: index * 10,
  diskWriteBytesPerSecond: index * 20,
  networkRxBytesPerSecond: index * 30,
  networkTxBytesPerSecond: index * 40,
  processCount: index % 50,
})
type Row = ReturnType<typeof measure> & { serverId: string }

/** The next rows in the order of time: all servers of a moment, then the next moment. */
function nextRows(count: number): Row[] {
  const rows: Row[] = []
  while (rows.length < count) {
    const at = new Date(moment)
    for (const [index, serverId] of fleet.serverIds.entries()) rows.push({ serverId, ...measure(at, index) })
    moment += MOMENT_MS
  }
  return rows
}

/** The rows in COPY's binary form; keys are numbers, as in our table. */
function encodeRows(rows: readonly Row[]): Buffer {
  const bytes = Buffer.allocUnsafe(21 + rows.length * (2 + 11 * 4 + 4 + 8 + 6 * 4 + 3 * 8) + 2)
  bytes.write('PGCOPY\n\xff\r\n\0', 'latin1')
  let end = bytes.writeInt32BE(0, 11)
  end = bytes.writeInt32BE(0, end)
  const int = (value: number) => {
    end = bytes.writeInt32BE(4, end)
    end = bytes.writeInt32BE(value, end)
  }
  const real = (value: number) => {
    end = bytes.writeInt32BE(4, end)
    end = bytes.writeFloatBE(value, end)
  }
  const long = (value: bigint) => {
    end = bytes.writeInt32BE(8, end)
    end = bytes.writeBigInt64BE(value, end)
  }
  for (const [index, row] of rows.entries()) {
    end = bytes.writeInt16BE(11, end)
    int(index % SERVERS)
    long(BigInt(row.at.getTime()) * 1000n - EPOCH_SHIFT)
    real(row.cpuPercent)
    long(BigInt(row.memoryBytes))
    long(BigInt(row.memoryLimitBytes))
    long(BigInt(row.diskBytes))
    real(row.networkRxBytesPerSecond)
    real(row.networkTxBytesPerSecond)
    int(row.processCount)
    real(row.diskReadBytesPerSecond)
    real(row.diskWriteBytesPerSecond)
  }
  end = bytes.writeInt16BE(-1, end)
  return bytes.subarray(0, end)
}

type Cost = { perSecond: number; microseconds: number }

async function cost(rows: number, work: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await work()
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: rows / seconds, microseconds: (user + system) / rows }
}

async function ours(): Promise<Cost> {
  const batches = Array.from({ length: BATCHES }, () => nextRows(BATCH))
  return cost(BATCH * BATCHES, async () => {
    for (const batch of batches) await store.append(batch)
  })
}

const client = new pg.Client({ connectionString: fleet.url })
await client.connect()
await client.query('create table series.copied (like series.server_sample including all)')

async function copy(): Promise<Cost> {
  const rows = BATCH * BATCHES
  const parts = Array.from({ length: rows / COPY_BATCH }, () => nextRows(COPY_BATCH))
  return cost(rows, async () => {
    for (const part of parts) {
      const stream = client.query(copyFrom('copy series.copied from stdin binary'))
      stream.end(encodeRows(part))
      await once(stream, 'finish')
    }
  })
}

let port = 1
async function prisma(): Promise<Cost> {
  const batches = Array.from({ length: PRISMA_BATCHES }, () =>
    Array.from({ length: BATCH }, () => {
      port += 1
      return { id: randomUUID(), nodeId: fleet.nodeId, ip: '192.0.2.1', port, position: port, isPrimary: false, note: '' }
    }),
  )
  return cost(BATCH * PRISMA_BATCHES, async () => {
    for (const data of batches) await fleet.db.prisma.allocation.createMany({ data })
  })
}

try {
  const found = { ours: [] as Cost[], copy: [] as Cost[], prisma: [] as Cost[] }
  // One of each first: statements are prepared, partitions made and code compiled for all.
  for (let round = -1; round < ROUNDS; round += 1) {
    const results = { ours: await ours(), copy: await copy(), prisma: await prisma() }
    if (round < 0) continue
    found.ours.push(results.ours)
    found.copy.push(results.copy)
    found.prisma.push(results.prisma)
  }
  const rates = (costs: readonly Cost[]) => costs.map((each) => each.perSecond)
  const times = (costs: readonly Cost[]) => costs.map((each) => each.microseconds)
  const results = [
    figureResult(
      `metrics-ingest: rows a second in batches of ${String(BATCH)}`,
      'rows/s',
      rates(found.ours),
      0.4,
      { name: 'binary COPY', samples: rates(found.copy) },
      'higher',
    ),
    figureResult('metrics-ingest: processor time of Node for a row', 'µs', times(found.ours), 0.1, {
      name: 'Prisma createMany of rows with 7 columns',
      samples: times(found.prisma),
    }),
  ]
  for (const result of results) process.stdout.write(`${describeResult(result)}\n`)
  process.stdout.write(`${JSON.stringify(results)}\n`)
} finally {
  await client.end()
  await fleet.dispose()
}
