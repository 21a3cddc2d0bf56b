import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll } from 'vitest'
import { WebSocket } from 'ws'
import { enrolFakeNode, openAgentSocket, signInFakeNode, type FakeNode } from '../support/agent-socket.ts'
import { isCommand, startFakeAgent } from '../support/fake-agent.ts'
import { enrolmentToken } from '../support/fake-fleet.ts'
import { useLab, type Lab } from '../support/faults/lab.ts'
import type { Random } from '../support/faults/random.ts'
import { sessionOf } from '../support/faults/recovery.ts'
import { faultRow, type Try } from '../support/faults/row.ts'
import { pssOf } from '../support/footprint.ts'
import { deleteServer } from '../support/scenario.ts'

const getLab = useLab({ name: 'fhost', firstGamePort: 25_960 })
let hostile: FakeNode
beforeAll(async () => {
  const { product, client } = getLab()
  hostile = await enrolFakeNode(product.url, await enrolmentToken(client, 'hostile', 25_980, 25_989))
})

const agentUrl = (lab: Lab) => `${lab.product.url.replace('http', 'ws')}/agent`
const at = () => new Date().toISOString()
const REPORT = 'mutation ($input: ReportServersInput!) { reportServers(input: $input) { applied } }'
const CONSOLE = 'mutation ($input: PushConsoleInput!) { pushConsole(input: $input) { expected } }'
const MEBIBYTE = 2 ** 20

const report = (serverId: string, change: object = {}) => ({
  serverId,
  sequence: 1,
  generation: 1,
  observedAt: at(),
  state: 'STOPPED',
  isSettled: true,
  isRemoved: true,
  isInstalled: false,
  ...change,
})
const reports = (...list: object[]) => ({ input: { isSnapshot: true, isLast: true, reports: list } })

async function refused(attempt: Try, what: string, call: Promise<unknown>): Promise<void> {
  await call.then(
    () => {
      attempt.violation(`${what} was not refused`)
    },
    () => undefined,
  )
}

async function opened(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, 'graphql-transport-ws')
  socket.on('error', () => undefined)
  await once(socket, 'open')
  return socket
}

const closed = (socket: WebSocket) =>
  new Promise<number>((resolve) => {
    if (socket.readyState === WebSocket.CLOSED) resolve(0)
    else socket.once('close', resolve)
  })

/** What a node with a key of its own, or a stranger without one, may try. */
const ATTACKS: Record<string, (lab: Lab, attempt: Try) => Promise<void>> = {
  async "other nodes' servers"(lab, attempt) {
    const agent = await startFakeAgent(lab.product.url, hostile)
    const victim = attempt.random.pick(lab.witnesses).id
    await refused(attempt, 'a report', agent.call(REPORT, reports(report(victim))))
    const lie = { serverId: victim, from: 0, parts: [{ kind: 'OUTPUT', runId: 'r', at: at(), text: 'lie\n' }] }
    await refused(attempt, 'a console part', agent.call(CONSOLE, { input: lie }))
    await refused(attempt, 'an install report', agent.install(victim, randomUUID(), 'FAILED', 'lie'))
    await agent.close()
  },
  async 'replayed and wrongly numbered reports'(lab, attempt) {
    const agent = await startFakeAgent(lab.product.url, hostile)
    const id = await lab.create('Of the hostile node', { nodeId: hostile.nodeId })
    const install = await agent.order(isCommand('INSTALL', id))
    await agent.install(id, install.id, 'SUCCEEDED', 'built\n')
    await agent.finish(install.id, 'DONE')
    const one = (change: object) =>
      agent.call<{ reportServers: { applied: number } }>(
        REPORT,
        reports(report(id, { isRemoved: false, isInstalled: true, isSettled: false, ...change })),
      )
    await one({ sequence: 1000, state: 'RUNNING' })
    for (const sequence of [1000, 999, 0, -1]) {
      const answer = await one({ sequence, state: 'CRASHED' }).catch(() => null)
      if ((answer?.reportServers.applied ?? 0) > 0) attempt.violation(`report ${String(sequence)} was applied after 1000`)
    }
    for (const sequence of [2 ** 53, 1.5, 'x']) await refused(attempt, `sequence ${String(sequence)}`, one({ sequence }))
    await refused(
      attempt,
      'a console part above the head',
      (async () => {
        const far = { serverId: id, from: 10 ** 9, parts: [{ kind: 'OUTPUT', runId: 'r', at: at(), text: 'far\n' }] }
        const { pushConsole } = await agent.call<{ pushConsole: { expected: number } }>(CONSOLE, { input: far })
        if (pushConsole.expected === 0) throw new Error('not taken')
      })(),
    )
    await deleteServer(lab.client, id)
    await one({ sequence: 2000, isRemoved: true })
    await agent.close()
  },
  async 'a console that the disk does not take'(lab, attempt) {
    const agent = await startFakeAgent(lab.product.url, hostile)
    const id = await lab.create('Of the hostile node', { nodeId: hostile.nodeId })
    const install = await agent.order(isCommand('INSTALL', id))
    await agent.install(id, install.id, 'SUCCEEDED', 'built\n')
    await agent.finish(install.id, 'DONE')
    const before = pssOf(await lab.product.pid('api'))
    const client = await lab.database.connect()
    await client.query('begin')
    await client.query('lock table "ConsoleSegment" in exclusive mode')
    const text = 'x'.repeat(MEBIBYTE / 2)
    const pushes = Array.from({ length: 600 }, (_, index) => agent.pushConsole(id, index * text.length, text).catch(() => undefined))
    let most = 0
    // Shorter than the patience with a node that is not read.
    const end = performance.now() + 4000
    while (performance.now() < end) {
      most = Math.max(most, pssOf(await lab.product.pid('api')) - before)
      await delay(100)
    }
    if (most > 150) attempt.violation(`300 MiB of a console that waits took ${most.toFixed(0)} MB of the api`)
    await client.query('rollback')
    await client.end()
    await Promise.all(pushes)
    await deleteServer(lab.client, id)
    await agent.close()
    // One that sends so much may have been thrown out.
    const next = await startFakeAgent(lab.product.url, hostile)
    await next.report(id, { sequence: 2000, generation: 99, isRemoved: true })
    await next.close()
  },
  async 'huge messages'(lab) {
    const socket = await opened(agentUrl(lab))
    socket.send(JSON.stringify({ type: 'connection_init', payload: { filler: 'x'.repeat(8 * MEBIBYTE) } }))
    await closed(socket)
  },
  async garbage(lab, { random }) {
    for (const bytes of garbage(random)) {
      const socket = await opened(agentUrl(lab))
      socket.send(bytes)
      await Promise.race([closed(socket), delay(1000)])
      socket.terminate()
    }
  },
  async 'a hello that never ends'(lab, attempt) {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => opened(agentUrl(lab)).catch(() => null)))
    const halves = Array.from({ length: 50 }, () => {
      const half = net.connect(Number(new URL(lab.product.url).port), '127.0.0.1')
      half.on('error', () => undefined)
      half.write('GET /agent HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
      return half
    })
    const signedIn = await openAgentSocket(lab.product.url)
    await signInFakeNode(signedIn, hostile)
    await refused(attempt, 'a report before hello', signedIn.call(REPORT, reports()))
    const patience = delay(50_000, 'late' as const)
    for (const socket of sockets)
      if (socket !== null && (await Promise.race([closed(socket), patience])) === 'late')
        attempt.violation('a socket without sign-in is kept')
    for (const half of halves) half.destroy()
    await signedIn.close()
  },
}
const NAMES = Object.keys(ATTACKS)

function garbage(random: Random): (string | Buffer)[] {
  return [
    'not json',
    '[]',
    'null',
    '{"type":"subscribe","id":"1","payload":{"query":"{"}}',
    '{"type":"connection_init"}{"type":"connection_init"}',
    JSON.stringify({ type: 'subscribe', id: 'x'.repeat(10_000), payload: {} }),
    '['.repeat(50_000),
    randomBytes(random.between(1, 4096)),
  ]
}

/** Asks as a person does, all the while. */
async function askUntil(lab: Lab, attempt: Try, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const asked = performance.now()
    await lab.client.query('{ servers(first: 10) { nodes { id state } } }')
    const milliseconds = performance.now() - asked
    if (milliseconds > 2500) attempt.violation(`an honest question took ${milliseconds.toFixed(0)} ms`)
    await delay(100)
  }
}

faultRow({ row: 10, fault: 'a hostile node among honest ones', tries: { long: 24, short: 6 } }, async (attempt) => {
  const lab = getLab()
  const name = NAMES[attempt.number % NAMES.length] ?? ''
  const identities = await lab.identities()
  const session = await sessionOf(lab)
  const stopTyping = lab.witnesses.map((witness) => witness.typeEvery(200))
  let isOver = false
  const asking = askUntil(lab, attempt, () => isOver)
  try {
    await ATTACKS[name]?.(lab, attempt)
  } finally {
    isOver = true
  }
  await asking
  await Promise.all(stopTyping.map((stop) => stop()))
  await lab.truth(attempt, performance.now())
  if ((await sessionOf(lab)) !== session) attempt.violation(`${name}: the honest agent lost its session`)
  await lab.check(attempt, identities)
})
