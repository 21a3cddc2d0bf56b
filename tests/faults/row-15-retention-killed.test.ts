import { createDatabase } from '../../api/src/db/database.ts'
import { createConsoleStore } from '../../api/src/modules/console/console-store.ts'
import { setTimeout as delay } from 'node:timers/promises'
import { downloadConsole } from '../support/console-rig/console-text.ts'
import { useRig, type Bench } from '../support/faults/rig.ts'
import { faultRow } from '../support/faults/row.ts'

const METRICS_TOKEN = 'token-of-the-fault-tests'
const getRig = useRig({ environment: { CATALYST_METRICS_TOKEN: METRICS_TOKEN } })

const JOB = 'consoles: merge and prune'
const SEGMENTS = 3000
const SEGMENT_BYTES = 1400
const KEPT_MIB = 3
const AT_ONCE = 16
/** The longest time between two looks of an instance at what is due, and a little. */
const LOOK_MS = 6000
const PATIENCE_MS = 60_000

/** Many small segments, as a quiet game leaves them; what was written. */
async function seed({ rig, durableEnd }: Bench): Promise<{ from: number; text: string }> {
  const db = createDatabase(rig.databaseUrl, { warn: () => undefined } as unknown as Parameters<typeof createDatabase>[1], () => undefined)
  const store = createConsoleStore(db, () => performance.now())
  const from = await durableEnd()
  const texts = Array.from(
    { length: SEGMENTS },
    (_, index) => `${`${String(index)} a quiet game says something now and then `.repeat(40).slice(0, SEGMENT_BYTES - 1)}\n`,
  )
  const at = Date.now() - SEGMENTS * 1000
  let next = 0
  const write = async () => {
    for (let index = next++; index < SEGMENTS; index = next++) {
      const bytes = Buffer.from(texts[index] ?? '')
      const begin = from + index * SEGMENT_BYTES
      await store.append(rig.serverId, [
        { kind: 'OUTPUT', from: begin, to: begin + bytes.length, runId: 'seed', at: at + index * 1000, actor: null, bytes },
      ])
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, write))
  await db.close()
  return { from, text: texts.join('') }
}

async function runsOf(url: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('catalyst_job_seconds_count') && line.includes(JOB))
  return lines.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0)
}

faultRow({ row: 15, fault: 'retention job killed half-way', tries: { long: 10, short: 1 } }, async (attempt) => {
  const bench = getRig()
  const { rig, rows } = bench
  const segments = async () =>
    (await rows<{ count: number }>('select count(*)::int as count from "ConsoleSegment" where "serverId" = $1', [rig.serverId]))[0]
      ?.count ?? 0
  // As if its time had come; the lock of an instance that died would end after a minute.
  const due = () => rows('update agenda.agenda_jobs set next_run_at = now(), locked_at = null where name = $1', [JOB])
  /** What is kept, from wherever it begins, must be the end of what was written. */
  const expectWhole = async (when: string, text: string) => {
    const kept = await downloadConsole(rig)
    if (!text.endsWith(kept.toString('latin1').slice(-text.length))) attempt.violation(`${when}: the history is not what was written`)
    return kept.length
  }

  await rows('update "Server" set "consoleRetentionMiB" = $1 where id = $2', [KEPT_MIB, rig.serverId])
  const { text } = await seed(bench)
  const before = await segments()
  await due()
  while ((await segments()) === before) await delay(2)
  await rig.killApi()
  const half = await segments()
  if (half < SEGMENTS / 10) throw new Error(`the job was over before it was killed: ${String(half)} of ${String(before)} segments`)
  await expectWhole('after the kill', text)

  const another = await rig.addApi()
  const [{ now } = { now: new Date() }] = await rows<{ now: Date }>('select clock_timestamp() as now')
  await due()
  const isDone = async () =>
    (await rows('select 1 from agenda.agenda_jobs where name = $1 and last_finished_at > $2 and locked_at is null', [JOB, now])).length > 0
  for (const deadline = performance.now() + PATIENCE_MS; !(await isDone());) {
    if (performance.now() > deadline) throw new Error('the next run did not finish')
    await delay(20)
  }
  await delay(LOOK_MS)
  const runs = (await Promise.all([rig.url, another.url].map(runsOf))).reduce((total, each) => total + each)
  if (runs !== 1) attempt.violation(`two instances ran the job ${String(runs)} times when it was due once`)
  const kept = await expectWhole('after the next run', text)
  const after = await segments()
  if (after > 24) attempt.violation(`${String(half)} segments were left as ${String(after)}`)
  if (kept > KEPT_MIB * 2 ** 20 || kept < (KEPT_MIB - 1) * 2 ** 20) attempt.violation(`${String(kept)} bytes were kept`)
  await another.end('SIGTERM')
})
