import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'
import { readConsole, type ConsoleReader } from '../support/console-reader.ts'
import { brokenNumbers, difference, readHistory, stretches } from '../support/faults/flood.ts'
import { useLab } from '../support/faults/lab.ts'
import { sessionOf, untilAgentIsBack, untilApiAnswers } from '../support/faults/recovery.ts'
import { faultRow } from '../support/faults/row.ts'
import { within } from '../support/faults/within.ts'
import { importTestTemplate } from '../support/scenario.ts'
import { createThirdParty } from '../support/third-party.ts'

const getLab = useLab({ name: 'fflood', firstGamePort: 25_840 })

/** Twice of what a game may print for long. */
const LINES_PER_SECOND = 40_000
const FLOOD_MS = 60_000
const SEEN_MS = 30_000

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

const PARTS = [['agent', 'api'], ['agent'], ['api'], ['postgres']] as const

faultRow({ row: 11, fault: 'agent, api or PostgreSQL killed in a flood', tries: { long: 24, short: PARTS.length } }, async (attempt) => {
  const lab = getLab()
  const parts = PARTS[attempt.number % PARTS.length] ?? PARTS[0]
  const part = parts.join(' and ')
  const identities = await lab.identities()
  const start = reader.events.at(-1)?.to ?? 0
  await delay(attempt.random.between(0, 2000))
  const session = await sessionOf(lab)
  await Promise.all(parts.map((each) => lab.product.kill(each)))
  const killed = performance.now()
  if (part !== 'agent') attempt.recovered('api', (await untilApiAnswers(lab)) - killed)
  // An agent that waits for the api is as quick as the api.
  if (part === 'agent') attempt.recovered('agent', (await untilAgentIsBack(lab, session)) - killed)
  await lab.truth(attempt, killed)

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
  for (const breach of brokenNumbers(live).slice(0, 5)) attempt.violation(`${part}: ${breach}`)
  const differs = difference(live, await readHistory(lab.client, flooding, start, end))
  if (differs !== null) attempt.violation(`${part}: what was seen is not what is kept: ${differs}`)
  await lab.check(attempt, identities)
})
