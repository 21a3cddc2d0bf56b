import { globSync } from 'node:fs'
import { afterAll, beforeAll } from 'vitest'
import { useLab } from '../support/faults/lab.ts'
import { faultRow } from '../support/faults/row.ts'
import { startLocalAgent, type LocalAgent } from '../support/local-agent.ts'
import { power, sendConsoleCommand, setRestartPolicy } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'

const getLab = useLab({ name: 'fclock', firstGamePort: 25_900 })
const agents: LocalAgent[] = []

/** An hour ahead, and an hour behind. */
const OFFSETS_SECONDS = [3600, -3600] as const
const AWAITED_MS = 60_000
/** What is told by an agent bears the time of the api, give or take. */
const TOLERATED_MS = 5000

/** Without the wrapper program, which would stand between us and the agent. Its monotonic clock stays right. */
function skewed(seconds: number): NodeJS.ProcessEnv {
  const [library = ''] = globSync('/usr/lib/*/faketime/libfaketime.so.1')
  return { LD_PRELOAD: library, FAKETIME: `${seconds < 0 ? '' : '+'}${String(seconds)}`, FAKETIME_DONT_FAKE_MONOTONIC: '1' }
}

beforeAll(async () => {
  const lab = getLab()
  for (const [index, offset] of OFFSETS_SECONDS.entries()) {
    const ports = { first: 25_920 + 10 * index, last: 25_929 + 10 * index }
    const agent = await startLocalAgent({
      name: `fclock${String(index)}`,
      ports,
      apiUrl: lab.product.url,
      administrator: lab.client,
      containerdSocket: lab.containerd.socket,
      environment: skewed(offset),
    })
    agents.push(agent)
    lab.addNode(agent.namespace, agent.dataDir, ports)
  }
})

afterAll(async () => {
  for (const agent of agents) await agent.dispose()
})

faultRow({ row: 7, fault: 'clock of the agent an hour off' }, async (attempt) => {
  const lab = getLab()
  const { client } = lab
  const agent = agents[attempt.number % agents.length]
  const expectNow = (what: string, at: string | Date | null | undefined, since: number) => {
    const time = new Date(at ?? 0).getTime()
    if (time < since - TOLERATED_MS || time > Date.now() + TOLERATED_MS) attempt.violation(`${what} is told to be at ${String(at)}`)
  }
  const identities = await lab.identities()
  const began = Date.now()
  const id = await lab.create('Early or late', { ...(agent === undefined ? {} : { nodeId: agent.nodeId }), start: true })
  const scratch = lab.follow(id)
  try {
    await untilServer(client, id, ({ status }) => status === 'RUNNING', AWAITED_MS)
    await setRestartPolicy(client, id, { policy: 'NEVER' })
    await scratch.type()
    const crashed = Date.now()
    await sendConsoleCommand(client, id, 'fail 4')
    await untilServer(client, id, ({ status }) => status === 'CRASHED', AWAITED_MS)
    const end = performance.now()
    await lab.truth(attempt, end, { mayRest: new Set([id]) })
    const chunks = scratch.reader.events.filter((event) => event.__typename === 'ConsoleChunk')
    for (const { at } of [chunks[0], chunks.at(-1)].filter((chunk) => chunk !== undefined)) expectNow('a console line', at, began)
    const [row] = await lab.database.rows<{ lastExitAt: Date }>('select "lastExitAt" from "Server" where id = $1', [id])
    expectNow('the exit', row?.lastExitAt, crashed)
    for (const { kind, occurredAt } of await lab.database.rows<{ kind: string; occurredAt: Date }>(
      'select kind, "occurredAt" from "ServerEvent" where "serverId" = $1',
      [id],
    ))
      expectNow(kind, occurredAt, began)
    await power(client, 'start', id)
    await lab.truth(attempt, end, { isMeasured: false })
    await lab.check(attempt, identities, [scratch])
  } finally {
    await scratch.stop()
  }
  await lab.remove(attempt, [id])
  const [node] = await lab.database.rows<{ clockOffsetMs: number | null }>('select "clockOffsetMs" from "Node" where id = $1', [
    agent?.nodeId,
  ])
  if (Math.abs(Math.abs(node?.clockOffsetMs ?? 0) - 3_600_000) > TOLERATED_MS)
    attempt.violation(`the node's clock is shown to be ${String(node?.clockOffsetMs)} ms off`)
})
