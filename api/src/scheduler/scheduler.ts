import { setTimeout as delay } from 'node:timers/promises'
import { Agenda, type Job } from 'agenda'
import type pg from 'pg'
import { createJobPool, openJobStore } from './job-store.ts'
import type { RecurringJob } from './recurring-job.ts'

/** Runs recurring work, each job in one instance of the api at a time. */
export type Scheduler = {
  /** Starts no more jobs and waits, for a few seconds, for those that run. */
  stop(): Promise<void>
}

/** How a run of a job ended. */
export type JobOutcome = { name: string; seconds: number; isWell: boolean }

export type SchedulerDeps = {
  databaseUrl: string
  /** null keeps the jobs in PostgreSQL. */
  mongodbUrl: string | null
  jobs: readonly RecurringJob[]
  onOutcome: (outcome: JobOutcome) => void
  onError: (error: unknown, job: string | null) => void
  /** A job of an instance that died is taken up by another one after this long. Default a minute. */
  lockSeconds?: number
  /** How often due jobs are looked for. Default 5 s. */
  lookSeconds?: number
}

const AT_ONCE = 2
const STOP_MS = 10_000
/** One that failed is tried again so soon, or at its next turn if that is sooner. */
const RETRY_MS = 60_000

/**
 * Takes the lock of a job for as long as `work` runs. Agenda's own lock ends with its time even when the work goes on (a
 * stopped process, a slow disk); this one ends with the connection.
 * @returns false when another instance has it
 */
async function alone(pool: pg.Pool, name: string, work: () => Promise<unknown>): Promise<boolean> {
  const client = await pool.connect()
  // It may break while the work does without it; then the lock is gone, and the work safe by being idempotent.
  let failure: Error | undefined
  client.on('error', (error) => {
    failure = error
  })
  try {
    const { rows } = await client.query<{ isMine: boolean }>('select pg_try_advisory_lock(hashtextextended($1, 0)) as "isMine"', [
      `catalyst job ${name}`,
    ])
    if (rows[0]?.isMine !== true) return false
    await work()
    return true
  } finally {
    // Closed, not given back: whatever happened, the lock ends here.
    client.release(failure ?? true)
  }
}

/** Starts the jobs of the registry. @throws errors of the drivers when the jobs' database cannot be reached */
export async function startScheduler(deps: SchedulerDeps): Promise<Scheduler> {
  const lockMs = (deps.lockSeconds ?? 60) * 1000
  const pool = createJobPool(deps.databaseUrl, (error) => {
    deps.onError(error, null)
  })
  /** Ends of the jobs that run, by name. */
  const running = new Map<string, PromiseWithResolvers<void>>()

  async function run({ name, run: work }: RecurringJob, job: Job): Promise<void> {
    let touching: Promise<unknown> = Promise.resolve()
    const timer = setInterval(() => {
      touching = job.touch().catch((error: unknown) => {
        deps.onError(error, name)
      })
    }, lockMs / 4)
    const started = performance.now()
    const end = (isWell: boolean) => {
      deps.onOutcome({ name, isWell, seconds: (performance.now() - started) / 1000 })
    }
    try {
      if (await alone(pool, name, work)) end(true)
    } catch (error) {
      end(false)
      deps.onError(error, name)
      throw error
    } finally {
      clearInterval(timer)
      // A touch that arrives after the end would lock the job again.
      await touching
    }
  }

  try {
    const backend = await openJobStore(pool, deps.mongodbUrl)
    const agenda = new Agenda({
      backend,
      processEvery: (deps.lookSeconds ?? 5) * 1000,
      maxConcurrency: AT_ONCE,
      defaultConcurrency: 1,
      defaultLockLimit: 1,
      defaultLockLifetime: lockMs,
    })
    agenda.on('error', (error) => {
      deps.onError(error, null)
    })
    // Told when the outcome has been stored.
    agenda.on('complete', (job: Job) => {
      running.get(job.attrs.name)?.resolve()
      running.delete(job.attrs.name)
    })
    await agenda.ready
    for (const recurring of deps.jobs) {
      agenda.define(
        recurring.name,
        async (job: Job) => {
          running.set(recurring.name, Promise.withResolvers<void>())
          await run(recurring, job)
        },
        { backoff: () => RETRY_MS },
      )
      // A job that is known keeps its next time: starting the api again and again neither skips nor hurries it.
      await agenda.every(recurring.every, recurring.name)
    }
    await agenda.start()
    return {
      async stop() {
        await agenda.stop(false)
        await Promise.race([Promise.all([...running.values()].map((end) => end.promise)), delay(STOP_MS, undefined, { ref: false })])
        await backend.disconnect()
        await pool.end()
      },
    }
  } catch (error) {
    await pool.end()
    throw error
  }
}
