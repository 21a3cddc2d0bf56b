import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { consoleText } from '../support/console-rig/console-text.ts'
import { reach, view, write } from '../support/console-rig/rig.ts'
import { useRig } from '../support/faults/rig.ts'
import { faultRow, IS_LONG, type Try } from '../support/faults/row.ts'

const getRig = useRig({ hasProxy: true, environment: { LOG_LEVEL: 'fatal' } })

const LINES_PER_SECOND = 2000
const LINE_BYTES = 90
const AWAY_SECONDS = IS_LONG ? 60 : 8
/** Of stored measurements, as the test has the agent take them. */
const SAMPLE_SECONDS = 1
/** A second that a busy machine leaves out is not a lost one. */
const LARGEST_STEP_SECONDS = 5 * SAMPLE_SECONDS

/** The api says every 30 s at each sign-in; a test has no time for that, so the agent's store keeps to a second whatever is said. */
function sampleOften(agentFolder: string): void {
  const store = new DatabaseSync(path.join(agentFolder, 'store.db'), { timeout: 5000 })
  const often = `update meta set value = '${String(SAMPLE_SECONDS)}' where key = 'sampleSeconds'`
  store.exec(`${often}; create trigger if not exists often after update on meta when new.key = 'sampleSeconds' begin ${often}; end`)
  store.close()
}

/** Numbered lines, each once and in order. */
function checkLines(attempt: Try, text: string, count: number): void {
  // The agent says things of its own in between.
  const lines = text.split('\n').filter((line) => /^\d+ /.test(line))
  const numbers = lines.map((line) => Number(line.split(' ')[1]))
  const wrong = numbers.findIndex((number, index) => number !== index)
  if (wrong !== -1) attempt.violation(`${JSON.stringify(lines[wrong])} where line ${String(wrong)} was due`)
  if (numbers.length !== count) attempt.violation(`${String(count)} lines were written and ${String(numbers.length)} stored`)
}

faultRow({ row: 14, fault: 'database away while lines and samples keep coming', tries: { long: 10, short: 1 } }, async (attempt) => {
  const { rig, helper, rows, durableEnd } = getRig()
  const [writer, viewer] = [helper('writer'), helper('viewer')]
  const start = await rig.consoleEnd()
  sampleOften(rig.agentFolder)
  const socket = { url: `${rig.url.replace('http', 'ws')}/graphql`, token: rig.client.token, serverId: rig.serverId }
  await view(viewer, { ...socket, count: 5, starts: [start] })
  await delay(3 * SAMPLE_SECONDS * 1000)

  const sampleTimes = async () => {
    const found = await rows<{ at: Date }>(
      'select m.at from series.server_sample m join series.server k on k.key = m.server_key where k.id = $1 order by m.at',
      [rig.serverId],
    )
    return found.map(({ at }) => at.getTime())
  }
  const seconds = AWAY_SECONDS + 4
  const writing = write(writer, { file: rig.gameFile, linesPerSecond: LINES_PER_SECOND, seconds, lineBytes: LINE_BYTES })
  await delay(attempt.random.between(500, 1500))
  const away = Date.now()
  rig.database?.become(attempt.number % 2 === 0 ? 'refuse' : 'silent')
  await delay(AWAY_SECONDS * 1000)
  rig.database?.become('open')
  const back = Date.now()
  const written = await writing
  const position = start + written.bytes
  const { faults } = await reach(viewer, { position })
  for (const fault of faults) attempt.violation(`a viewer: ${fault}`)
  while ((await durableEnd()) < position) await delay(50)
  checkLines(attempt, await consoleText(rig, start), written.lines)

  const untilSampled = async () => {
    for (;;) {
      const times = await sampleTimes()
      if ((times.at(-1) ?? 0) > back) return times
      await delay(100)
    }
  }
  const times = (await untilSampled()).filter((time) => time > away - 3000)
  for (const [index, time] of times.entries()) {
    const before = times[index - 1]
    if (before === undefined) continue
    if (time - before > LARGEST_STEP_SECONDS * 1000) attempt.violation(`no measurement for ${String(time - before)} ms`)
    if (time === before) attempt.violation(`a measurement is there twice: ${String(time)}`)
  }
  if (times.length < AWAY_SECONDS / 2) attempt.violation(`only ${String(times.length)} measurements`)
  await view(viewer, { ...socket, count: 0, starts: [] })
  await Promise.all([writer, viewer].map((each) => each.stop()))
})
