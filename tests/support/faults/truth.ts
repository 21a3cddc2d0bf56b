import { setTimeout as delay } from 'node:timers/promises'
import type { ThirdParty } from '../third-party.ts'
import type { ProductDatabase } from './product-database.ts'
import type { RuntimeView } from './runtime-view.ts'
import { within } from './within.ts'

/** One state, seen three times. */
export type Views = { database: ProductDatabase; client: ThirdParty; workloads: RuntimeView['workloads'] }

type Row = {
  id: string
  state: string
  desiredState: string
  activity: string
  isOnline: boolean
  isDeleted: boolean
  open: number
}
type Seen = { id: string; state: string; desiredState: string; activity: string; isStale: boolean }

/** The truth is due by then after a fault has ended. */
export const TRUTH_MS = 10_000
const LOOK_MS = 5000

const ROWS = `select s.id, s.state, s."desiredState", s.activity, n."isOnline", s."deletedAt" is not null as "isDeleted",
  (select count(*)::int from "Command" c where c."serverId" = s.id and c.status in ('PENDING', 'SENT')) as open
  from "Server" s join "Node" n on n.id = s."nodeId" order by s.id`

const SERVERS = '{ servers(first: 100) { nodes { id state desiredState activity isStale } } }'

/** What is not one state yet, in words; empty when all three agree, nothing is under way and every wish is met. */
export function compareStates(
  rows: readonly Row[],
  servers: readonly Seen[],
  workloads: ReadonlyMap<string, number | null>,
  mayRest: ReadonlySet<string> = new Set(),
): string[] {
  const found: string[] = []
  const say = (id: string, text: string) => found.push(`server ${id}: ${text}`)
  for (const row of rows) {
    const seen = servers.find(({ id }) => id === row.id)
    const isRunning = workloads.get(row.id) != null
    if (row.isDeleted) say(row.id, 'is deleted and still there')
    if (!row.isOnline) say(row.id, 'its node is away')
    if (row.open > 0) say(row.id, `${String(row.open)} commands are open`)
    if (row.activity !== 'NONE') say(row.id, `is ${row.activity}`)
    if (row.state === 'STARTING' || row.state === 'STOPPING') say(row.id, `is ${row.state}`)
    if ((row.state === 'RUNNING') !== isRunning)
      say(row.id, `is ${row.state}, and the runtime ${isRunning ? 'runs it' : 'does not run it'}`)
    if (row.desiredState === 'RUNNING' && row.state !== 'RUNNING' && !mayRest.has(row.id)) say(row.id, `is wanted and ${row.state}`)
    if (row.desiredState === 'STOPPED' && row.state === 'RUNNING') say(row.id, 'is not wanted and RUNNING')
    if (seen === undefined) {
      if (!row.isDeleted) say(row.id, 'is not shown')
    } else if (seen.isStale || seen.state !== row.state || seen.desiredState !== row.desiredState || seen.activity !== row.activity) {
      say(row.id, `is shown as ${JSON.stringify(seen)} and stored as ${JSON.stringify(row)}`)
    }
  }
  for (const { id } of servers) if (!rows.some((row) => row.id === id)) say(id, 'is shown and not stored')
  for (const id of workloads.keys()) if (!rows.some((row) => row.id === id)) say(id, 'has a container and no row')
  return found
}

async function disagreements(views: Views, mayRest?: ReadonlySet<string>): Promise<string[]> {
  const [rows, { servers }, workloads] = await within(
    LOOK_MS,
    'a look at the state',
    Promise.all([views.database.rows<Row>(ROWS), views.client.query<{ servers: { nodes: Seen[] } }>(SERVERS), views.workloads()]),
  )
  return compareStates(rows, servers.nodes, workloads, mayRest)
}

/**
 * Waits until the three views are one.
 * @param mayRest servers that are wanted and need not run, because they crashed for good
 * @returns the moment, on the monotonic clock
 * @throws with what does not agree after `timeoutMs`
 */
export async function untilTruth(views: Views, timeoutMs = TRUTH_MS, mayRest?: ReadonlySet<string>): Promise<number> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const asked = performance.now()
    const found = await disagreements(views, mayRest).catch((error: unknown) => [error instanceof Error ? error.message : String(error)])
    if (found.length === 0) return asked
    if (performance.now() > deadline) throw new Error(`no one state within ${String(timeoutMs)} ms: ${found.join('; ')}`)
    await delay(100)
  }
}
