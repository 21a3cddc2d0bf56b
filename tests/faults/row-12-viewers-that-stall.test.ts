import { consoleText } from '../support/console-rig/console-text.ts'
import { reach, resume, view, write } from '../support/console-rig/rig.ts'
import { percentile } from '../support/bench.ts'
import { useRig } from '../support/faults/rig.ts'
import { faultRow, IS_LONG } from '../support/faults/row.ts'
import { pssOf } from '../support/footprint.ts'

const getRig = useRig()

const READING = 150
const STALLED = 50
const LINE_BYTES = 90
/** What latency is good for viewers that read; like every promise in time, it fails a test at five times. */
const GOOD_MS = 40
const PATIENCE = 5
/** What a viewer that stalls may cost. */
const MOST_MB = 16

faultRow({ row: 12, fault: '50 of 200 viewers never read', tries: { long: 5, short: 1 } }, async (attempt) => {
  const { rig, helper } = getRig()
  const [writer, reading, stalled] = [helper('writer'), helper('viewer'), helper('viewer')]
  const socket = { url: `${rig.url.replace('http', 'ws')}/graphql`, token: rig.client.token, serverId: rig.serverId }
  const start = await rig.consoleEnd()
  let position = start
  const print = async (linesPerSecond: number, seconds: number) => {
    const written = await write(writer, { file: rig.gameFile, linesPerSecond, seconds, lineBytes: LINE_BYTES })
    position += written.bytes
    const reached = await reach(reading, { position })
    for (const fault of reached.faults) attempt.violation(`a viewer that reads: ${fault}`)
    return percentile(reached.latenciesMs, 0.99)
  }

  await view(reading, { ...socket, count: READING, starts: [start] })
  await print(10_000, 1)
  const alone = await print(10_000, 3)
  await view(stalled, { ...socket, count: STALLED, starts: [position], habit: 'stalls' })
  const before = pssOf(rig.apiPid)
  // As much as a socket and its queue take, and then much more: what stalls must cost nothing further.
  await print(22_000, IS_LONG ? 20 : 5)
  const filled = pssOf(rig.apiPid)
  await print(22_000, IS_LONG ? 60 : 5)
  const later = pssOf(rig.apiPid)
  const beside = await print(10_000, 3)

  process.stdout.write(
    `p99 of viewers that read: ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ${String(STALLED)} that stall; ` +
      `api ${before.toFixed(0)} MB, ${filled.toFixed(0)} MB, ${later.toFixed(0)} MB\n`,
  )
  if (beside > PATIENCE * Math.max(alone, GOOD_MS))
    attempt.violation(`the latency of the others rose from ${alone.toFixed(0)} to ${beside.toFixed(0)} ms`)
  if (later - before > STALLED * MOST_MB) attempt.violation(`${String(STALLED)} viewers that stall cost ${(later - before).toFixed(0)} MB`)
  if (later - filled > STALLED)
    attempt.violation(`viewers that stall cost ever more: ${filled.toFixed(0)} MB and then ${later.toFixed(0)} MB`)

  await resume(stalled)
  const back = await reach(stalled, { position })
  for (const fault of back.faults) attempt.violation(`a viewer that stalled: ${fault}`)
  // What each was told that it missed is there to be read, byte for byte.
  const log = await consoleText(rig, start)
  for (const { from, to } of [...new Map(back.skipped.map((range) => [`${String(range.from)} ${String(range.to)}`, range])).values()])
    if ((await consoleText(rig, from, to)) !== log.slice(from - start, to - start))
      attempt.violation(`the history lacks ${String(from)} to ${String(to)}`)
  await view(reading, { ...socket, count: 0, starts: [] })
  await view(stalled, { ...socket, count: 0, starts: [] })
  await Promise.all([writer, reading, stalled].map((each) => each.stop()))
})
