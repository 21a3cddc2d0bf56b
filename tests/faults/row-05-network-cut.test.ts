import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll } from 'vitest'
import { useLab, type Lab } from '../support/faults/lab.ts'
import type { FaultProxy } from '../support/faults/fault-proxy.ts'
import type { Random } from '../support/faults/random.ts'
import { faultRow, IS_LONG, type Try } from '../support/faults/row.ts'
import { templateId } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'
import { TOKEN_REQUEST, udpQuery } from '../support/udp-query.ts'

const getLab = useLab({ name: 'fcut', firstGamePort: 25_840 })

/** Port of a game that people play: an outage of the api is nothing to them. */
let playedPort = 0
beforeAll(async () => {
  const { client, create } = getLab()
  const id = await create('Played', { templateId: await templateId(client, 'teeworlds'), cpuPercent: 50, memoryMiB: 128, start: true })
  const { allocations } = await untilServer(client, id, ({ status }) => status === 'RUNNING', START_MS)
  playedPort = allocations[0]?.port ?? 0
})

const START_MS = 240_000
const PLAYED_MS = 5000

/** How long the two sides may take to notice that a connection leads nowhere: three heartbeats. */
const NOTICE_MS = 15_000

type Fault = (proxy: FaultProxy, milliseconds: number, random: Random) => Promise<void>

/** How the way between api and agent is spoiled. Each ends with everything passing again. */
const FAULTS = {
  /** Nothing passes and nobody is told: what is sent is held back, and what is dialled is not answered. */
  async cut(proxy, milliseconds) {
    proxy.set({ toServer: 'hold', toClient: 'hold' })
    await delay(milliseconds)
  },
  async 'to the api'(proxy, milliseconds) {
    proxy.set({ toServer: 'hold', toClient: 'pass' })
    await delay(milliseconds)
  },
  async 'to the agent'(proxy, milliseconds) {
    proxy.set({ toServer: 'pass', toClient: 'hold' })
    await delay(milliseconds)
  },
  /** The port is closed. */
  async refused(proxy, milliseconds) {
    proxy.refuse(true)
    await delay(milliseconds)
  },
  async reset(proxy) {
    proxy.reset()
  },
  async delayed(proxy, milliseconds, random) {
    proxy.set({ toServer: 'pass', toClient: 'pass', delayMs: random.between(50, 400) })
    await delay(milliseconds)
  },
  async flapping(proxy, milliseconds, random) {
    const end = performance.now() + milliseconds
    while (performance.now() < end) {
      proxy.refuse(true)
      await delay(random.between(50, 400))
      proxy.heal()
      await delay(random.between(50, 1000))
    }
  },
  async 'half-open'(proxy) {
    proxy.forget()
    await delay(NOTICE_MS)
  },
} satisfies Record<string, Fault>

type Name = keyof typeof FAULTS
const NAMES = Object.keys(FAULTS) as Name[]

/** The long form begins with the long cuts; all else is of every kind, and short. */
const LONG_CUTS: readonly (readonly [Name, number])[] = [
  ['cut', 300_000],
  ['refused', 30_000],
  ['cut', 30_000],
  ['to the api', 30_000],
  ['to the agent', 30_000],
]

const SAMPLE_MS = 30_000

/** The measurements from the time of the outage are there afterwards, without a hole. */
async function expectSamples(lab: Lab, attempt: Try, since: Date): Promise<void> {
  for (const { id } of lab.witnesses) {
    const rows = await lab.database.rows<{ at: Date }>(
      `select at from series.server_sample join series.server on key = server_key where id = $1 and at >= $2 order by at`,
      [id, since],
    )
    const times = [since.getTime(), ...rows.map(({ at }) => at.getTime()), Date.now()]
    const longest = Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)))
    if (longest > 2 * SAMPLE_MS) attempt.violation(`no measurement of ${id} for ${String(longest)} ms`)
  }
}

faultRow({ row: 5, fault: 'network between api and agent spoiled', tries: { long: 24, short: 3 } }, async (attempt) => {
  const { random, number } = attempt
  const longCut = IS_LONG ? LONG_CUTS[number] : undefined
  const [name, milliseconds] = longCut ?? [random.pick(NAMES), random.pick([1000, 5000])]
  const lab = getLab()
  const began = new Date()
  const identities = await lab.identities()
  const stopTyping = lab.witnesses.map((witness) => witness.typeEvery(200))
  const run: Fault = FAULTS[name]
  const spoiling = run(lab.proxy, milliseconds, random)
  await delay(100)
  // Wishes that are made meanwhile: one for a server that is there, and one for a new one.
  const scratch = await lab.create(`Made while ${name}`, { start: true })

  await udpQuery(playedPort, TOKEN_REQUEST, PLAYED_MS)
  await spoiling
  lab.proxy.heal()
  const end = performance.now()
  await lab.truth(attempt, end, { timeoutMs: 30_000 })
  await Promise.all(stopTyping.map((stop) => stop()))
  await lab.truth(attempt, end, { isMeasured: false })
  await lab.check(attempt, identities)
  if (milliseconds > 2 * SAMPLE_MS) await expectSamples(lab, attempt, began)
  await lab.remove(attempt, [scratch])
})
