import { setTimeout as delay } from 'node:timers/promises'
import type { Lab } from './lab.ts'
import { within } from './within.ts'

const LONGEST_MS = 60_000
const LOOK_MS = 20

async function until(what: string, found: () => Promise<boolean>): Promise<number> {
  const deadline = performance.now() + LONGEST_MS
  while (!(await found().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what} within ${String(LONGEST_MS)} ms`)
    await delay(LOOK_MS)
  }
  return performance.now()
}

/** Resolves with the moment at which the api answers a question from its database. */
export function untilApiAnswers({ client }: Pick<Lab, 'client'>): Promise<number> {
  return until('the api does not answer', async () => {
    await within(2000, 'an answer', client.query('{ serverCounts { count } }'))
    return true
  })
}

// The node of the product itself is the first; tests add others.

/** Id of the newest session of the lab's own node; null while it has none. */
export async function sessionOf({ database }: Pick<Lab, 'database'>): Promise<string | null> {
  const [node] = await database.rows<{ sessionId: string | null }>('select "sessionId" from "Node" order by "createdAt" limit 1')
  return node?.sessionId ?? null
}

/** Resolves with the moment at which the node is online in another session than `before`. */
export function untilAgentIsBack({ database }: Pick<Lab, 'database'>, before: string | null): Promise<number> {
  return until('the agent does not come back', async () => {
    const [node] = await database.rows<{ sessionId: string | null; isOnline: boolean }>(
      'select "sessionId", "isOnline" from "Node" order by "createdAt" limit 1',
    )
    return node !== undefined && node.isOnline && node.sessionId !== before
  })
}
