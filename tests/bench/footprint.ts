import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeResult, figureResult, type BenchResult } from '../support/bench.ts'
import { whyNoContainerd } from '../support/containerd.ts'
import { pssOf, shimsOf, slopePerMinute } from '../support/footprint.ts'
import { startProduct, type Product } from '../support/product.ts'
import { createServer, importTestTemplate, mutate, overcommitProcessor, power } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'

// Memory of the api, and of the agent with the shims of its servers, as PSS: with no server, with one and with twenty, quiet
// and with 1 000 lines a second each; and whether it grows. `--minutes` says how long that is watched: `npm run soak` an hour.

const SERVERS = 20
/** The printer prints each line on both streams. */
const RATE = '500'
const READINGS = 6
const READING_MS = 2_000
const SETTLE_MS = 15_000
/** Until the heaps have their size, and what the api does every five minutes has been done once. */
const WARM_UP_MS = 240_000

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } })
const minutes = Number(values.minutes)
const say = (text: string) => process.stderr.write(`${text}\n`)

type Reading = { api: number; agent: number; shims: number }

async function read(product: Product): Promise<Reading> {
  const shims = shimsOf(product.namespace).reduce((sum, pid) => sum + pssOf(pid), 0)
  return { api: pssOf(await product.pid('api')), agent: pssOf(await product.pid('agent')), shims }
}

async function readings(product: Product): Promise<Reading[]> {
  await delay(SETTLE_MS)
  const found: Reading[] = []
  for (let index = 0; index < READINGS; index += 1) {
    found.push(await read(product))
    await delay(READING_MS)
  }
  return found
}

/** All of the agent's memory beyond its own 60 MB, shared out among its servers. */
const perServer = (list: readonly Reading[], count: number, base: number) => list.map(({ agent, shims }) => (agent + shims - base) / count)

async function grow(client: ThirdParty, templateId: string, count: number): Promise<string[]> {
  const variables = [{ name: 'LINES', value: '0' }]
  const input = { templateId, memoryMiB: 64, cpuPercent: 50, diskMiB: 64, variables, start: true }
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) ids.push(await createServer(client, { name: `Server ${String(index)}`, ...input }))
  for (const id of ids) await untilServer(client, id, (server) => server.status === 'RUNNING', 180_000)
  return ids
}

async function makeLoud(client: ThirdParty, ids: readonly string[]): Promise<void> {
  const variables = [
    { name: 'LINES_PER_SECOND', value: RATE },
    { name: 'LINES', value: '10000000' },
  ]
  for (const id of ids) {
    await mutate(client, 'updateServer', 'UpdateServerInput', 'server { id }', { id, variables })
    await power(client, 'restart', id)
  }
  for (const id of ids) await untilServer(client, id, (server) => server.status === 'RUNNING', 60_000)
}

async function watchGrowth(product: Product): Promise<BenchResult[]> {
  const points: (Reading & { seconds: number })[] = []
  const start = performance.now()
  while (performance.now() - start < minutes * 60_000) {
    points.push({ ...(await read(product)), seconds: (performance.now() - start) / 1000 })
    await delay(5_000)
  }
  const of = (value: (reading: Reading) => number) =>
    slopePerMinute(points.map((point) => ({ seconds: point.seconds, value: (value(point) * 1e6) / 2 ** 20 })))
  const load = `${String(SERVERS)} × 1 000 lines/s`
  const name = (part: string) => `footprint: growth of the ${part} over ${String(minutes)} min, after 4 min of ${load}`
  return [
    figureResult(name('api'), 'MiB/min', [of(({ api }) => api)], 1, null),
    figureResult(name('agent with its shims'), 'MiB/min', [of(({ agent, shims }) => agent + shims)], 1, null),
  ]
}

const reason = whyNoContainerd()
if (reason !== null) {
  process.stderr.write(`The benchmark cannot run here: ${reason}\n`)
  process.exit(1)
}
const results: BenchResult[] = []
const add = (...found: BenchResult[]) => {
  for (const result of found) process.stdout.write(`${describeResult(result)}\n`)
  results.push(...found)
}
const product = await startProduct({ name: 'foot', firstGamePort: 27_000 })
try {
  const client = await product.administrator()
  await overcommitProcessor(client, 1_000)
  const templateId = await importTestTemplate(client, 'printer')
  // As it is found from the second start on: at the first one Node compiles all of its sources.
  await product.stop()
  await product.start()

  const idle = await readings(product)
  const base = 60
  add(
    figureResult(
      'footprint: api, idle',
      'MB',
      idle.map(({ api }) => api),
      150,
      null,
    ),
  )
  add(
    figureResult(
      'footprint: agent, no server',
      'MB',
      idle.map(({ agent }) => agent),
      base,
      null,
    ),
  )

  const [first = ''] = await grow(client, templateId, 1)
  const one = await readings(product)
  add(figureResult('footprint: agent beyond 60 MB and shim, for its one server', 'MB', perServer(one, 1, base), 4, null))

  const ids = [first, ...(await grow(client, templateId, SERVERS - 1))]
  const quiet = await readings(product)
  add(
    figureResult(
      `footprint: agent beyond 60 MB and shims, for each of ${String(SERVERS)} quiet servers`,
      'MB',
      perServer(quiet, SERVERS, base),
      4,
      null,
    ),
  )
  add(
    figureResult(
      `footprint: api, ${String(SERVERS)} quiet servers`,
      'MB',
      quiet.map(({ api }) => api),
      null,
      null,
    ),
  )

  say(`${String(SERVERS)} servers print 1 000 lines a second each`)
  await makeLoud(client, ids)
  const loud = await readings(product)
  add(
    figureResult(
      `footprint: agent beyond 60 MB and shims, for each of ${String(SERVERS)} loud servers`,
      'MB',
      perServer(loud, SERVERS, base),
      4,
      null,
    ),
  )
  add(
    figureResult(
      `footprint: api, ${String(SERVERS)} loud servers`,
      'MB',
      loud.map(({ api }) => api),
      null,
      null,
    ),
  )
  await delay(WARM_UP_MS)
  add(...(await watchGrowth(product)))
  await client.dispose()
} finally {
  await product.dispose()
}
process.stdout.write(`${JSON.stringify(results)}\n`)
