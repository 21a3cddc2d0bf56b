import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const WORKER = path.resolve(import.meta.dirname, '../support/scheduler-worker.ts')
const PATIENCE = { timeout: 20_000, interval: 50 }

type Step = { job: string; step: string; pid: number; at: Date }

let database: TestDatabase
let pool: pg.Pool
let processes: ChildProcess[]

beforeEach(async () => {
  database = await createTestDatabase({ isEmpty: true })
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  pool.on('error', () => undefined)
  await pool.query('create table job_step (job text, step text, pid int, at timestamptz)')
  processes = []
})

afterEach(async () => {
  await Promise.all(processes.map((child) => end(child)))
  await pool.end()
  await database.drop()
})

async function start(mongodbUrl?: string): Promise<ChildProcess> {
  const child = fork(WORKER, mongodbUrl === undefined ? [database.url] : [database.url, mongodbUrl])
  processes.push(child)
  await once(child, 'message')
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exit = once(child, 'exit')
  child.kill(signal)
  // A process that a test has stopped takes its signal when it goes on.
  child.kill('SIGCONT')
  const [code] = (await exit) as [number | null]
  return code
}

const steps = async (job: string, step: string): Promise<Step[]> =>
  (await pool.query<Step>('select * from job_step where job = $1 and step = $2 order by at', [job, step])).rows
const count = (job: string, step: string) => expect.poll(async () => (await steps(job, step)).length, PATIENCE)

/** Each job's runs followed each other: none began before the one before it had ended. */
async function expectNoOverlap(): Promise<void> {
  const { rows } = await pool.query<Step>(`select * from job_step where job = 'long' order by at`)
  const open = new Set<number>()
  for (const { step, pid } of rows) {
    if (step === 'began') {
      expect([...open], 'a run began inside another one').toEqual([])
      open.add(pid)
    } else open.delete(pid)
  }
}

/** Stops a process at a moment when the long job is all that it has locked: a lock ends with its connection, which stays. */
async function pauseInLongJob(child: ChildProcess): Promise<void> {
  for (;;) {
    child.kill('SIGSTOP')
    const { rows } = await pool.query<{ count: number }>(
      `select count(*)::int as count from pg_locks
       where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
    )
    if (rows[0]?.count === 1) return
    child.kill('SIGCONT')
    await delay(50)
  }
}

describe.each([
  { name: 'PostgreSQL', mongodbUrl: undefined, isThere: true },
  { name: 'MongoDB (needs MONGODB_URL)', mongodbUrl: process.env['MONGODB_URL'], isThere: process.env['MONGODB_URL'] !== undefined },
])('scheduler on $name', ({ mongodbUrl, isThere }) => {
  it.skipIf(!isThere)('runs a job in one of two processes at a time, also one that outlasts its lock', async () => {
    await Promise.all([start(mongodbUrl), start(mongodbUrl)])
    await count('long', 'ended').toBeGreaterThanOrEqual(2)
    await expectNoOverlap()
    const ticks = await steps('tick', 'ran')
    const seconds = (ticks.at(-1)!.at.getTime() - ticks[0]!.at.getTime()) / 1000
    expect(ticks.length).toBeGreaterThan(seconds / 3)
    // Twice a second would be both of them.
    expect(ticks.length).toBeLessThan(seconds * 1.3 + 2)
  })

  it.skipIf(!isThere)('gives the job of a killed process to the other one, and keeps one row for each job', async () => {
    const first = await start(mongodbUrl)
    await count('long', 'began').toBe(1)
    const second = await start(mongodbUrl)
    await end(first, 'SIGKILL')
    await expect.poll(async () => (await steps('long', 'ended')).map(({ pid }) => pid), PATIENCE).toContain(second.pid)
    if (mongodbUrl !== undefined) return
    const { rows } = await pool.query<{ name: string }>('select name from agenda.agenda_jobs order by name')
    expect(rows.map(({ name }) => name)).toEqual(['failing', 'long', 'tick'])
  })

  it.skipIf(!isThere)('goes on after a job that failed, and does not hurry it when started again', async () => {
    const first = await start(mongodbUrl)
    await count('failing', 'ran').toBe(1)
    expect(await end(first)).toBe(0)
    await start(mongodbUrl)
    const ticks = (await steps('tick', 'ran')).length
    await count('tick', 'ran').toBeGreaterThan(ticks + 1)
    expect(await steps('failing', 'ran')).toHaveLength(1)
  })

  it.skipIf(!isThere)('ends what runs before it stops', async () => {
    const first = await start(mongodbUrl)
    await count('long', 'began').toBe(1)
    expect(await end(first)).toBe(0)
    expect(await steps('long', 'ended')).toHaveLength(1)
  })
})

it('does not run a job of a process that was paused, and then woke, beside that of the other one', async () => {
  const first = await start()
  await count('long', 'began').toBe(1)
  await pauseInLongJob(first)
  const second = await start()
  // Agenda's lock of the first is over, its connection is not.
  await count('tick', 'ran').toBeGreaterThanOrEqual(4)
  first.kill('SIGCONT')
  await expect.poll(async () => (await steps('long', 'ended')).length, PATIENCE).toBeGreaterThanOrEqual(2)
  await expectNoOverlap()
  expect(second.exitCode).toBeNull()
})
