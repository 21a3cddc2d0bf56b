import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { startScheduler } from '../../api/src/scheduler/scheduler.ts'

// A process with a scheduler, as an instance of the api has one. It writes down when it begins and ends a job's run:
// `tick` is short, `long` takes longer than its lock lasts, `failing` fails at its first run.

const databaseUrl = process.argv[2] ?? ''
const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
pool.on('error', () => undefined)

const write = async (job: string, step: string) => {
  await pool.query('insert into job_step (job, step, pid, at) values ($1, $2, $3, clock_timestamp())', [job, step, process.pid])
}

const scheduler = await startScheduler({
  databaseUrl,
  mongodbUrl: process.argv[3] ?? null,
  lockSeconds: 1,
  lookSeconds: 0.2,
  jobs: [
    { name: 'tick', every: '1 second', run: () => write('tick', 'ran') },
    {
      name: 'long',
      every: '1 second',
      async run() {
        await write('long', 'began')
        await delay(2_500)
        await write('long', 'ended')
      },
    },
    {
      name: 'failing',
      every: '1 hour',
      async run() {
        await write('failing', 'ran')
        throw new Error('on purpose')
      },
    },
  ],
  onOutcome: () => undefined,
  onError: () => undefined,
})
process.on('SIGTERM', () => {
  void scheduler
    .stop()
    .then(() => pool.end())
    .then(() => process.exit(0))
})
process.send?.('ready')
