import { createApp, DatabaseNotReadyError, type App } from './app.ts'
import { EnvError, readEnv } from './env.ts'

/** Exit status for what a restart does not mend. */
const NOT_USABLE = 78

let app: App | null = null
let isStopping = false

async function stop(): Promise<void> {
  if (isStopping) return
  isStopping = true
  await app?.stop()
  process.exit(0)
}

// Before the start: a signal in the middle of it must not be lost.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())

try {
  app = await createApp(readEnv())
  // Tells whoever supervises this process.
  process.send?.('ready')
} catch (error) {
  const isExpected = error instanceof EnvError || error instanceof DatabaseNotReadyError
  process.stderr.write(
    `${isExpected ? error.message : `The api could not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`}\n`,
  )
  process.exit(isExpected ? NOT_USABLE : 1)
}
