import { setTimeout as delay } from 'node:timers/promises'
import { useLab, type Lab } from '../support/faults/lab.ts'
import { untilApiAnswers } from '../support/faults/recovery.ts'
import { faultRow, IS_LONG, type Try } from '../support/faults/row.ts'
import { within } from '../support/faults/within.ts'
import { insist } from '../support/faults/insist.ts'
import { createServer } from '../support/scenario.ts'
import { randomUUID } from 'node:crypto'

const getLab = useLab({ name: 'fpg', firstGamePort: 25_800 })

const MOST_CONNECTIONS = 200
/** A question to the api is answered by then, if only with an error; ten times what a person waits gladly. */
const ANSWER_MS = 25_000

/** Asks all the while: the api may refuse, and must not hang. */
async function askDuring(lab: Lab, attempt: Try, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    const question = lab.client.query('{ servers(first: 10) { nodes { id state } } }').catch(() => undefined)
    await within(ANSWER_MS, 'an answer of the api', question).catch((error: unknown) => {
      attempt.violation(error instanceof Error ? error.message : String(error))
    })
    await delay(100)
  }
}

const FAULTS: Record<string, (lab: Lab, attempt: Try) => Promise<void>> = {
  async 'PostgreSQL killed'(lab) {
    await lab.product.kill('postgres')
  },
  async 'PostgreSQL killed while the api starts'(lab, attempt) {
    await lab.product.kill('api')
    await delay(attempt.random.between(0, 1500))
    await lab.product.kill('postgres')
  },
  async 'out of connections'(lab, attempt) {
    const taken = []
    try {
      // As many as there are: the last ones are refused.
      while (taken.length < MOST_CONNECTIONS) taken.push(await lab.database.connect())
    } catch {
      // None is left, as wanted.
    }
    await askDuring(lab, attempt, attempt.random.between(2000, 6000))
    await Promise.all(taken.map((client) => client.end()))
  },
  async 'a lock held'(lab, attempt) {
    const client = await lab.database.connect()
    await client.query('begin')
    await client.query('lock table "Server" in access exclusive mode')
    await askDuring(lab, attempt, IS_LONG && attempt.number < 6 ? 30_000 : 5000)
    await client.query('rollback')
    await client.end()
  },
}
const NAMES = Object.keys(FAULTS)

faultRow({ row: 4, fault: 'PostgreSQL killed, full or locked, under load', tries: { long: 20, short: NAMES.length } }, async (attempt) => {
  const lab = getLab()
  const name = NAMES[attempt.number % NAMES.length] ?? ''
  const identities = await lab.identities()
  const stopTyping = lab.witnesses.map((witness) => witness.typeEvery(100))
  await delay(attempt.random.between(0, 500))

  const key = randomUUID()
  const spoiling = FAULTS[name]?.(lab, attempt)
  const made = insist(() =>
    createServer(lab.client, {
      name,
      templateId: lab.template,
      nodeId: lab.nodeId,
      memoryMiB: 64,
      cpuPercent: 20,
      diskMiB: 64,
      start: true,
      idempotencyKey: key,
    }),
  )
  made.catch(() => undefined)
  await spoiling
  const end = performance.now()
  attempt.recovered('api', (await untilApiAnswers(lab)) - end)
  const id = await made
  await Promise.all(stopTyping.map((stop) => stop()))
  await lab.truth(attempt, end, { timeoutMs: 30_000 })
  await lab.check(attempt, identities)
  await lab.remove(attempt, [id])
})
