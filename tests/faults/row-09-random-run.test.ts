import { setTimeout as delay } from 'node:timers/promises'
import { useLab, type Lab } from '../support/faults/lab.ts'
import { insist } from '../support/faults/insist.ts'
import { isLinearizable, type Call } from '../support/faults/linearizability.ts'
import { createRandom, type Random } from '../support/faults/random.ts'
import { faultRow, IS_LONG, type Try } from '../support/faults/row.ts'
import { WISH_MODEL, type WishOperation } from '../support/faults/wish-model.ts'
import { MutationRefused, power } from '../support/scenario.ts'

const getLab = useLab({ name: 'frand', firstGamePort: 25_860, ports: 30 })

const SERVERS = 20
const CLIENTS = 8
const RUN_MS = IS_LONG ? 180_000 : 60_000
const ORDERS = ['start', 'stop', 'restart', 'kill'] as const

type History = Map<string, Call<WishOperation>[]>

/** One operator: an order or a look at a time, each with an answer before the next, until `isOver`. */
async function operate(lab: Lab, random: Random, name: string, history: History, isOver: () => boolean): Promise<number> {
  const ids = [...history.keys()]
  let orders = 0
  for (let number = 0; !isOver(); number += 1) {
    const id = random.pick(ids)
    const from = performance.now()
    const record = (operation: WishOperation) => history.get(id)?.push({ operation, from, to: performance.now() })
    if (random.next() < 0.4) {
      record(await insist(() => look(lab, id)))
    } else {
      const kind = random.pick(ORDERS)
      const accepted = await insist(() => power(lab.client, kind, id, `${name}-${String(number)}`)).then(
        () => true,
        (error: unknown) => {
          if (error instanceof MutationRefused && error.answer.__typename === 'StateConflictError') return false
          throw error
        },
      )
      if (accepted) orders += 1
      record({ kind, answer: accepted ? 'accepted' : 'refused' })
    }
    await delay(random.between(50, 400))
  }
  return orders
}

async function look(lab: Lab, id: string): Promise<WishOperation> {
  const { server } = await lab.client.query<{ server: { desiredState: 'RUNNING' | 'STOPPED' } }>(
    'query ($id: ID!) { server(id: $id) { desiredState } }',
    { id },
  )
  return { kind: 'look', wanted: server.desiredState }
}

/** Breaks something, and waits until what must mend it has done so or can. */
const FAULTS: Record<string, (lab: Lab, random: Random) => Promise<void>> = {
  async 'agent killed'({ product }) {
    await product.kill('agent')
  },
  async 'api killed'({ product }) {
    await product.kill('api')
  },
  async 'PostgreSQL killed'({ product }) {
    await product.kill('postgres')
  },
  async 'network cut'({ proxy }, random) {
    proxy.set({ toServer: 'hold', toClient: 'hold' })
    await delay(random.between(500, 3000))
    proxy.heal()
  },
  async 'connection reset'({ proxy }) {
    proxy.reset()
  },
  async 'containerd killed'({ containerd }, random) {
    await containerd.kill()
    await delay(random.between(0, 1500))
    await containerd.start()
  },
}

async function breakThings(lab: Lab, random: Random, until: number): Promise<string[]> {
  const done: string[] = []
  while (performance.now() < until) {
    const name = random.pick(Object.keys(FAULTS))
    done.push(name)
    await FAULTS[name]?.(lab, random)
    await delay(random.between(1000, 6000))
  }
  return done
}

async function makeServers(lab: Lab): Promise<History> {
  const names = Array.from({ length: SERVERS }, (_, index) => `Random ${String(index + 1)}`)
  const change = { cpuPercent: 10, memoryMiB: 32, variables: [{ name: 'TICKS_PER_SECOND', value: '2' }] }
  return new Map((await Promise.all(names.map((name) => lab.create(name, change)))).map((id) => [id, []]))
}

/** Each accepted order is one command and one line of the audit, however often it was asked for. */
async function expectEachOnce(lab: Lab, attempt: Try, ids: readonly string[], orders: number): Promise<void> {
  const [counts] = await lab.database.rows<{ commands: number; audits: number; open: number }>(
    `select (select count(*)::int from "Command" where "serverId" = any($1::uuid[]) and kind in ('START', 'STOP', 'RESTART', 'KILL')) as commands,
      (select count(*)::int from "AuditEntry" where "subjectId" = any($2) and action in ('server:start', 'server:stop', 'server:restart', 'server:kill')) as audits`,
    [ids, ids],
  )
  if (counts?.commands !== orders)
    attempt.violation(`${String(orders)} orders were accepted and ${String(counts?.commands)} commands stored`)
  if (counts?.audits !== orders) attempt.violation(`${String(orders)} orders were accepted and ${String(counts?.audits)} audited`)
}

faultRow(
  { row: 9, fault: 'random faults under 8 operators and 20 servers', tries: { long: 2, short: 1 }, durationMs: RUN_MS },
  async (attempt) => {
    const lab = getLab()
    const history = await makeServers(lab)
    const ids = [...history.keys()]
    await lab.truth(attempt, 0, { isMeasured: false, timeoutMs: 60_000 })
    const identities = await lab.identities()
    const stopTyping = lab.witnesses.map((witness) => witness.typeEvery(500))

    const until = performance.now() + RUN_MS
    const isOver = () => performance.now() > until
    const [done, ...orders] = await Promise.all([
      breakThings(lab, createRandom(attempt.seed), until),
      ...Array.from({ length: CLIENTS }, (_, index) =>
        operate(lab, createRandom(attempt.seed * 100 + index), `${String(attempt.seed)}-${String(index)}`, history, isOver),
      ),
    ])
    const end = performance.now()
    await lab.truth(attempt, end, { timeoutMs: 30_000 })
    await Promise.all(stopTyping.map((stop) => stop()))
    for (const [id, calls] of history) {
      const from = performance.now()
      calls.push({ operation: await look(lab, id), from, to: performance.now() })
      if (!isLinearizable(WISH_MODEL, calls)) attempt.violation(`no order explains the answers about ${id}: ${JSON.stringify(calls)}`)
    }
    await expectEachOnce(
      lab,
      attempt,
      ids,
      orders.reduce((sum, count) => sum + count, 0),
    )
    await lab.check(attempt, identities)
    await lab.remove(attempt, ids)
    if (done.length === 0) attempt.violation('nothing was broken')
  },
)
