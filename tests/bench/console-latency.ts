import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { describeResult, figureResult, percentile, type BenchResult } from '../support/bench.ts'
import { reach, startHelper, startRelay, startRig, view, write, type Helper, type Rig } from '../support/console-rig/rig.ts'
import { sendConsoleCommand } from '../support/scenario.ts'

// From the game's write to the message at a client, through agent, api and socket, beside a raw relay of the same file; and
// from a command's being sent to its place in the console, beside a relay that writes what it is told into that file.

const ROUNDS = 5
const LINE_BYTES = 90

type Case = { name: string; linesPerSecond: number; seconds: number; p50: number | null; p99: number }
const CASES: Case[] = [
  { name: 'quiet console', linesPerSecond: 20, seconds: 10, p50: 3, p99: 15 },
  { name: '1000 lines/s', linesPerSecond: 1000, seconds: 5, p50: null, p99: 40 },
]

type Source = { url: string; token: string; serverId: string | null; file: string; position: number }

async function latencies(source: Source, writer: Helper, viewers: Helper, { linesPerSecond, seconds }: Case): Promise<number[]> {
  const { url, token, serverId, file } = source
  await view(viewers, { url, token, serverId, count: 1, starts: [source.position] })
  const written = await write(writer, { file, linesPerSecond, seconds, lineBytes: LINE_BYTES })
  source.position += written.bytes
  const { latenciesMs, faults } = await reach(viewers, { position: source.position })
  if (faults[0] !== undefined) throw new Error(faults[0])
  return latenciesMs
}

/** Of one person to one server; what may be typed in 10 s is limited to 20. */
const COMMANDS = 15
const COMMAND_MS = 520

type Chunk = { consoleEvents: { text?: string } }

/** Milliseconds from each command's being sent to its line at a viewer. */
async function echoes(rig: Rig, round: number): Promise<number[]> {
  const events = rig.client.iterate<Chunk>(
    'subscription ($id: ID!) { consoleEvents(serverId: $id, tailLines: 1) { from to ... on ConsoleChunk { text } } }',
    { id: rig.serverId },
  )
  await events.next()
  const times: number[] = []
  for (let index = 0; index < COMMANDS; index += 1) {
    const line = `command ${String(round)} ${String(index)}`
    const sent = performance.now()
    const answered = sendConsoleCommand(rig.client, rig.serverId, line)
    for (let text = ''; !text.includes(line); text = (await events.next()).value?.consoleEvents.text ?? '');
    times.push(performance.now() - sent)
    await answered
    await delay(Math.max(0, COMMAND_MS - (performance.now() - sent)))
  }
  await events.return(undefined)
  return times
}

/** The same of a socket that writes into the file. */
async function rawEchoes(url: string, round: number): Promise<number[]> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  await once(socket, 'open')
  const times: number[] = []
  for (let index = 0; index < COMMANDS; index += 1) {
    const line = `command ${String(round)} ${String(index)}\n`
    const sent = performance.now()
    const echo = once(socket, 'message')
    socket.send(line)
    await echo
    times.push(performance.now() - sent)
    await delay(Math.max(0, COMMAND_MS - (performance.now() - sent)))
  }
  socket.terminate()
  return times
}

const rig = await startRig()
const [writer, viewers, relay] = [startHelper('writer'), startHelper('viewer'), await startRelay()]
const results: BenchResult[] = []
try {
  const ours: Source = {
    url: `${rig.url.replace('http', 'ws')}/graphql`,
    token: rig.client.token,
    serverId: rig.serverId,
    file: rig.gameFile,
    position: await rig.consoleEnd(),
  }
  const raw: Source = { url: relay.url, token: '', serverId: null, file: relay.file, position: 0 }
  type Measured = { ours: number[][]; raw: number[][] }
  const add = (title: string, { ours: own, raw: other }: Measured, goals: { p50: number | null; p99: number | null }) => {
    for (const [name, part, goal] of [
      ['p50', 0.5, goals.p50],
      ['p99', 0.99, goals.p99],
    ] as const) {
      const figures = (list: readonly number[][]) => list.map((values) => percentile(values, part))
      const result = figureResult(`console-latency: ${name} ${title}`, 'ms', figures(own), null, {
        name: 'raw relay',
        samples: figures(other),
      })
      results.push({ ...result, goal, ok: goal === null || result.figure <= goal })
      process.stdout.write(`${describeResult(results.at(-1) ?? result)}\n`)
    }
  }
  /** The order changes, so that neither always follows the other. */
  const orderOf = (round: number) => (round % 2 === 0 ? (['ours', 'raw'] as const) : (['raw', 'ours'] as const))
  for (const test of CASES) {
    const rounds: Measured = { ours: [], raw: [] }
    for (let round = 0; round < ROUNDS; round += 1)
      for (const which of orderOf(round)) rounds[which].push(await latencies(which === 'ours' ? ours : raw, writer, viewers, test))
    add(`from write to client, ${test.name}`, rounds, test)
  }
  const rounds: Measured = { ours: [], raw: [] }
  for (let round = 0; round < ROUNDS; round += 1)
    for (const which of orderOf(round)) rounds[which].push(await (which === 'ours' ? echoes(rig, round) : rawEchoes(relay.url, round)))
  add('from sending a command to its line at a client', rounds, { p50: null, p99: null })
} finally {
  for (const helper of [writer, viewers, relay]) await helper.stop()
  await rig.dispose()
}
process.stdout.write(`${JSON.stringify(results)}\n`)
