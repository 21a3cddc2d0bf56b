import { describeResult, figureResult, percentile, type BenchResult } from '../support/bench.ts'
import { reach, startHelper, startRelay, startRig, view, write, type Helper } from '../support/console-rig/rig.ts'

// From the game's write to the message at a client, through agent, api and socket, beside a raw relay of the same file.

const ROUNDS = 5
const LINE_BYTES = 90

type Case = { name: string; linesPerSecond: number; seconds: number; p50: number | null; p99: number }
const CASES: Case[] = [
  { name: 'quiet console', linesPerSecond: 8, seconds: 5, p50: 3, p99: 15 },
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
  for (const test of CASES) {
    const rounds = { ours: [] as number[][], raw: [] as number[][] }
    for (let round = 0; round < ROUNDS; round += 1)
      for (const which of round % 2 === 0 ? (['ours', 'raw'] as const) : (['raw', 'ours'] as const))
        rounds[which].push(await latencies(which === 'ours' ? ours : raw, writer, viewers, test))
    for (const [name, part, goal] of [
      ['p50', 0.5, test.p50],
      ['p99', 0.99, test.p99],
    ] as const) {
      const figures = (list: readonly number[][]) => list.map((values) => percentile(values, part))
      const title = `console-latency: ${test.name}: ${name} from write to client`
      const result = figureResult(title, 'ms', figures(rounds.ours), null, { name: 'raw relay', samples: figures(rounds.raw) })
      results.push({ ...result, goal, ok: goal === null || result.figure <= goal })
      process.stdout.write(`${describeResult(results.at(-1) ?? result)}\n`)
    }
  }
} finally {
  for (const helper of [writer, viewers, relay]) await helper.stop()
  await rig.dispose()
}
process.stdout.write(`${JSON.stringify(results)}\n`)
