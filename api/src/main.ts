import { setTimeout as delay } from 'node:timers/promises'
import { createApp, DatabaseNotReadyError, type App } from './app.ts'
import { isUnavailable } from './db/unavailable.ts'
import { EnvError, readEnv, type Env } from './env.ts'
import { collectGarbage } from './lib/garbage.ts'

/** Exit status for what a restart does not mend. */
const NOT_USABLE = 78
const DATABASE_WAIT_MS = 250
/** Whoever supervises this process hears of a database that stays away for longer. */
const DATABASE_PATIENCE_MS = 60_000

let app: App | null = null
let isStopping = false

async function stop(): Promise<void> {
  if (isStopping) return
  isStopping = true
  await app?.stop()
  process.exit(0)
}

/** A database that goes away while the api starts is waited for, as one that goes away while it runs. */
async function start(env: Env): Promise<App> {
  const deadline = performance.now() + DATABASE_PATIENCE_MS
  for (;;) {
    try {
      return await createApp(env)
    } catch (error) {
      if (!isUnavailable(error) || performance.now() > deadline) throw error
      process.stderr.write('The database does not answer; trying again.\n')
      await delay(DATABASE_WAIT_MS)
    }
  }
}

// Before the start: a signal in the middle of it must not be lost.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())

try {
  app = await start(readEnv())
  // Tells whoever supervises this process.
  process.send?.('ready')
  // What only the start took is given back: a process with little to do would keep it for long.
  await collectGarbage()
} catch (error) {
  const isExpected = error instanceof EnvError || error instanceof DatabaseNotReadyError
  process.stderr.write(
    `${isExpected ? error.message : `The api could not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`}\n`,
  )
  process.exit(isExpected ? NOT_USABLE : 1)
}
