import { describeResult, figureResult, median, percentile, type BenchResult } from '../support/bench.ts'
import { cpuSeconds, reach, startHelper, startRelay, startRig, view, write, type Helper, type Rig } from '../support/console-rig/rig.ts'

// The real path agent → api → graphql-ws clients beside the least there can be: a raw broadcast of the same bytes in the same
// batches. Each runs in a process of its own, and so do the game and the viewers.

const LINE_BYTES = 90
const ROUNDS = 5

type Case = {
  linesPerSecond: number
  viewers: number
  seconds: number
  largestRatio: number | null
  latestMs: number
  /** Good enough as well, however late it is: so many times the raw broadcast's p99. */
  latestRatio: number | null
}
const CASES: Case[] = [
  { linesPerSecond: 10_000, viewers: 200, seconds: 4, largestRatio: 1.5, latestMs: 40, latestRatio: 2 },
  { linesPerSecond: 50_000, viewers: 50, seconds: 4, largestRatio: null, latestMs: 100, latestRatio: null },
  { linesPerSecond: 1_000, viewers: 1_000, seconds: 4, largestRatio: null, latestMs: 100, latestRatio: 2 },
]

type Round = { microsPerLine: number; p50: number; p99: number; messages: number; faults: string[] }

type Source = { url: string; token: string; serverId: string | null; pid: number; file: string; position: number }

async function measure(source: Source, writer: Helper, viewers: Helper, { linesPerSecond, viewers: count, seconds }: Case): Promise<Round> {
  const { url, token, serverId, pid, file } = source
  // As people come: each with another part of the past to read first. A raw broadcast has no past.
  const starts =
    serverId === null ? [source.position] : Array.from({ length: 10 }, (_, step) => Math.max(0, source.position - step * 20_000))
  await view(viewers, { url, token, serverId, count, starts })
  await reach(viewers, { position: source.position })
  const before = cpuSeconds(pid)
  const written = await write(writer, { file, linesPerSecond, seconds, lineBytes: LINE_BYTES })
  source.position += written.bytes
  const reached = await reach(viewers, { position: source.position })
  const micros = (cpuSeconds(pid) - before) * 1e6
  await view(viewers, { url, token, serverId, count: 0, starts })
  return {
    microsPerLine: micros / (written.lines * count),
    p50: percentile(reached.latenciesMs, 0.5),
    p99: percentile(reached.latenciesMs, 0.99),
    messages: reached.messages,
    faults: reached.faults,
  }
}

async function run(rig: Rig, test: Case): Promise<BenchResult[]> {
  const [writer, viewers, relay] = [startHelper('writer'), startHelper('viewer'), await startRelay()]
  const socket = `${rig.url.replace('http', 'ws')}/graphql`
  const ours: Source = {
    url: socket,
    token: rig.client.token,
    serverId: rig.serverId,
    pid: rig.apiPid,
    file: rig.gameFile,
    position: await rig.consoleEnd(),
  }
  const raw: Source = { url: relay.url, token: '', serverId: null, pid: relay.pid, file: relay.file, position: 0 }
  const rounds = { ours: [] as Round[], raw: [] as Round[] }
  const faults: string[] = []
  try {
    // One round more than counts: the first finds code that the engine has not compiled yet.
    for (let round = 0; round <= ROUNDS; round += 1) {
      // The order changes, so that neither always follows the other.
      for (const which of round % 2 === 0 ? (['ours', 'raw'] as const) : (['raw', 'ours'] as const)) {
        const measured = await measure(which === 'ours' ? ours : raw, writer, viewers, test)
        if (round > 0) rounds[which].push(measured)
        if (which === 'ours') faults.push(...measured.faults)
      }
    }
  } finally {
    for (const helper of [writer, viewers, relay]) await helper.stop()
  }
  const name = `console-fanout: ${String(test.linesPerSecond)} lines/s to ${String(test.viewers)} viewers`
  const cpuOf = (list: readonly Round[]) => list.map((round) => round.microsPerLine)
  const lateOf = (list: readonly Round[]) => list.map((round) => round.p99)
  const latency = figureResult(`${name}: p99 from write to client`, 'ms', lateOf(rounds.ours), null, {
    name: 'raw broadcast',
    samples: lateOf(rounds.raw),
  })
  return [
    figureResult(`${name}: cpu of the api for a delivered line`, 'µs', cpuOf(rounds.ours), test.largestRatio, {
      name: 'raw broadcast',
      samples: cpuOf(rounds.raw),
    }),
    { ...latency, goal: test.latestMs, ok: latency.figure <= test.latestMs || (latency.ratio ?? Infinity) <= (test.latestRatio ?? 0) },
    figureResult(
      `${name}: p50 from write to client`,
      'ms',
      rounds.ours.map((round) => round.p50),
      null,
      { name: 'raw broadcast', samples: rounds.raw.map((round) => round.p50) },
    ),
    figureResult(`${name}: lines lost or twice${faults.length === 0 ? '' : ` (${faults[0] ?? ''})`}`, '', [faults.length], 0, null),
    figureResult(
      `${name}: messages to a viewer in a second`,
      '',
      rounds.ours.map((round) => round.messages / test.viewers / test.seconds),
      null,
      { name: 'raw broadcast', samples: [median(rounds.raw.map((round) => round.messages / test.viewers / test.seconds))] },
    ),
  ]
}

const chosen = process.argv[2] === undefined ? CASES : CASES.filter((test) => String(test.viewers) === process.argv[2])
const rig = await startRig()
const results: BenchResult[] = []
try {
  for (const test of chosen)
    for (const result of await run(rig, test)) {
      process.stdout.write(`${describeResult(result)}\n`)
      results.push(result)
    }
} finally {
  await rig.dispose()
}
process.stdout.write(`${JSON.stringify(results)}\n`)
