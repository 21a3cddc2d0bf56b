import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'
import { readConsole, type ConsoleReader } from '../support/console-reader.ts'
import { betweenNotices, brokenNumbers, difference, readHistory, stretches } from '../support/faults/flood.ts'
import { useLab, type Lab } from '../support/faults/lab.ts'
import { gameOf, shimOf } from '../support/faults/processes.ts'
import type { Random } from '../support/faults/random.ts'
import { sessionOf, untilAgentIsBack, untilApiAnswers } from '../support/faults/recovery.ts'
import { faultRow } from '../support/faults/row.ts'
import { within } from '../support/faults/within.ts'
import { importTestTemplate, setRestartPolicy } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'
import { createThirdParty } from '../support/third-party.ts'

const getLab = useLab({ name: 'fflood', firstGamePort: 25_840 })

/** Twice of what a game may print for long. */
const LINES_PER_SECOND = 40_000
const FLOOD_MS = 60_000
const SEEN_MS = 30_000
/** Each restart waits twice as long as the one before. */
const RESTART_MS = 90_000

let flooding = ''
let reader: ConsoleReader
beforeAll(async () => {
  const { client, product, create } = getLab()
  const variables = Object.entries({ LINES_PER_SECOND, LINES: 10_000_000, STREAMS: 1 }).map(([name, value]) => ({
    name,
    value: String(value),
  }))
  const templateId = await importTestTemplate(client, 'printer')
  flooding = await create('Flood', { templateId, cpuPercent: 100, variables, start: true })
  await setRestartPolicy(client, flooding, { policy: 'ALWAYS', maximumRestarts: 20 })
  reader = readConsole(() => createThirdParty(product.url, client.token), flooding, 0, ['FLOOD'])
  await untilSeen((event) => event.__typename === 'ConsoleGap', FLOOD_MS)
}, 240_000)
afterAll(() => reader.stop())

/** Resolves when an event that is wanted has come, from now on. */
async function untilSeen(isWanted: (event: ConsoleReader['events'][number]) => boolean, timeoutMs = SEEN_MS): Promise<void> {
  let seen = reader.events.length
  await reader.until(() => {
    for (; seen < reader.events.length; seen += 1) {
      const event = reader.events[seen]
      if (event !== undefined && isWanted(event)) return true
    }
    return false
  }, timeoutMs)
}

/** How many violations of the contract were told before. */
let heard = 0

type Fault = {
  run(lab: Lab, random: Random): Promise<unknown>
  /** The game ends by it, with this code; null where nobody knows it. */
  code?: number | null
}

const FAULTS: Record<string, Fault> = {
  'agent and api': { run: ({ product }) => Promise.all([product.kill('agent'), product.kill('api')]) },
  agent: { run: ({ product }) => product.kill('agent') },
  api: { run: ({ product }) => product.kill('api') },
  postgres: { run: ({ product }) => product.kill('postgres') },
  containerd: {
    async run({ containerd }, random) {
      await containerd.kill()
      await delay(random.between(0, 1000))
      await containerd.start()
    },
  },
  network: {
    async run({ proxy }, random) {
      proxy.set({ toServer: 'hold', toClient: 'hold' })
      await delay(random.between(500, 3000))
      proxy.heal()
    },
  },
  game: {
    code: 137,
    async run(lab) {
      process.kill(await gameOf(lab, flooding), 'SIGKILL')
    },
  },
  shim: {
    code: null,
    async run(lab) {
      process.kill(shimOf(lab, flooding), 'SIGKILL')
    },
  },
}
const PARTS = Object.keys(FAULTS)

/** The game runs again, in another process. */
async function untilStartedAgain(lab: Lab, before: number): Promise<void> {
  const isNew = async () => ((await lab.workloads()).get(flooding) ?? before) !== before
  while (!(await isNew())) await delay(50)
}

faultRow({ row: 11, fault: 'a part killed, or the network cut, in a flood', tries: { long: 24, short: PARTS.length } }, async (attempt) => {
  const lab = getLab()
  const part = PARTS[attempt.number % PARTS.length] ?? ''
  const fault = FAULTS[part]
  if (fault === undefined) throw new Error(part)
  const identities = await lab.identities()
  const start = reader.events.at(-1)?.to ?? 0
  await delay(attempt.random.between(0, 2000))
  const session = await sessionOf(lab)
  const game = await gameOf(lab, flooding)
  await fault.run(lab, attempt.random)
  const killed = performance.now()
  if (['agent and api', 'api', 'postgres'].includes(part)) attempt.recovered('api', (await untilApiAnswers(lab)) - killed)
  // An agent that waits for the api is as quick as the api.
  if (part === 'agent') attempt.recovered('agent', (await untilAgentIsBack(lab, session)) - killed)
  if (fault.code === undefined) {
    await lab.truth(attempt, killed)
  } else {
    await within(RESTART_MS, 'the flood again', untilStartedAgain(lab, game))
    await lab.truth(attempt, killed, { isMeasured: false })
    const exit = (await fetchServer(lab.client, flooding))?.lastExit
    if (fault.code !== null && exit?.code !== fault.code) attempt.violation(`${part}: the exit is ${JSON.stringify(exit)}`)
  }

  // It prints on, and what it prints now is seen.
  const now = Date.now()
  await untilSeen((event) => event.__typename === 'ConsoleChunk' && Date.parse(event.at) > now)
  const end = reader.events.at(-1)?.to ?? 0
  const isDurable = async () => {
    const [row] = await lab.database.rows<{ end: number }>(
      'select max("toPosition")::float8 as end from "ConsoleSegment" where "serverId" = $1',
      [flooding],
    )
    return (row?.end ?? 0) >= end
  }
  await within(
    SEEN_MS,
    'what was seen on the disk',
    (async () => {
      while (!(await isDurable())) await delay(50)
    })(),
  )
  for (const breach of reader.violations.slice(heard)) attempt.violation(`${part}: the flood's console: ${breach}`)
  heard = reader.violations.length
  const live = stretches(reader.events, start, end)
  const broken = betweenNotices(reader.events).flatMap((run) => brokenNumbers(stretches(run, start, end)))
  for (const breach of broken.slice(0, 5)) attempt.violation(`${part}: ${breach}`)
  const differs = difference(live, await readHistory(lab.client, flooding, start, end))
  if (differs !== null) attempt.violation(`${part}: what was seen is not what is kept: ${differs}`)
  await lab.check(attempt, identities)
})
