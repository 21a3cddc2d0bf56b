import { reach, view, write } from '../support/console-rig/rig.ts'
import { useRig } from '../support/faults/rig.ts'
import { faultRow } from '../support/faults/row.ts'

const getRig = useRig()

const VIEWERS = 1000
const PROCESSES = 4
/** All are back by then; a test fails at five times as much. */
const BACK_MS = 10_000
const PATIENCE = 5

faultRow({ row: 13, fault: '1 000 viewers reconnect at once', tries: { long: 10, short: 1 } }, async (attempt) => {
  const { rig, helper } = getRig()
  const writer = helper('writer')
  const viewers = Array.from({ length: PROCESSES }, () => helper('viewer'))
  const start = await rig.consoleEnd()
  let position = start
  const print = async (linesPerSecond: number, seconds: number) => {
    position += (await write(writer, { file: rig.gameFile, linesPerSecond, seconds, lineBytes: 90 })).bytes
  }
  const order = { url: `${rig.url.replace('http', 'ws')}/graphql`, token: rig.client.token, serverId: rig.serverId, starts: [start] }
  for (const process of viewers) await view(process, { ...order, count: VIEWERS / PROCESSES, habit: 'returns' })
  const allReach = async () => {
    for (const { faults } of await Promise.all(viewers.map((process) => reach(process, { position }))))
      for (const fault of faults) attempt.violation(fault)
  }
  await print(1000, 1)
  await allReach()

  // The game goes on printing, and each has a part of it to read first.
  const printing = print(1000, 4)
  await rig.killApi()
  const started = performance.now()
  await printing
  await allReach()
  const milliseconds = performance.now() - started
  process.stdout.write(`${String(VIEWERS)} viewers were back after ${milliseconds.toFixed(0)} ms\n`)
  if (milliseconds > PATIENCE * BACK_MS) attempt.violation(`all were back after ${milliseconds.toFixed(0)} ms`)
  for (const process of viewers) await view(process, { ...order, count: 0 })
  await Promise.all([writer, ...viewers].map((each) => each.stop()))
})
