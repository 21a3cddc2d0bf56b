import path from 'node:path'
import { startEmbedded, stopEmbedded, EmbeddedPostgresError, type EmbeddedOptions } from '@catalyst/prisma/embedded'
import type { Settings } from '../settings.ts'
import { isAlive, removePid, writePid } from './pid-file.ts'
import { StepError } from './progress.ts'

const directoryOf = (settings: Settings) => path.join(settings.dataDir, 'api', 'postgres')
const pidFileOf = (settings: Settings) => path.join(settings.dataDir, 'run', 'postgres.pid')

/** Starts the embedded PostgreSQL, or answers the external one's address. The server outlives this process until `stop`. */
export async function startDatabase(settings: Settings): Promise<{ url: string; pid: number | null }> {
  if (settings.databaseUrl !== null) return { url: settings.databaseUrl, pid: null }
  const options: EmbeddedOptions = {
    directory: directoryOf(settings),
    passwordFile: path.join(settings.dataDir, 'api', 'secrets', 'postgres-password'),
    logFile: path.join(settings.dataDir, 'logs', 'postgres.log'),
    database: 'catalyst',
  }
  try {
    const { url, pid } = await startEmbedded(options)
    writePid(pidFileOf(settings), pid)
    return { url, pid }
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw new StepError(error.message, `Its log is ${options.logFile}.`, { cause: error })
    throw error
  }
}

export async function stopDatabase(settings: Settings): Promise<void> {
  if (settings.databaseUrl === null) await stopEmbedded(directoryOf(settings))
  removePid(pidFileOf(settings))
}

/** Starts the embedded server again when it dies. It may be no child of ours, so it is looked at every second. */
export function watchDatabase(settings: Settings, first: number | null, say: (text: string) => void): { stop(): void } {
  if (first === null) return { stop: () => undefined }
  let pid = first
  let isBusy = false
  const timer = setInterval(() => {
    if (isBusy || isAlive(pid)) return
    isBusy = true
    say('PostgreSQL ended; starting it again')
    startDatabase(settings)
      .then((started) => {
        pid = started.pid ?? pid
      })
      .catch((error: unknown) => {
        // The backends of a killed server must end first; the next look tries again.
        say(`PostgreSQL: ${error instanceof Error ? error.message : String(error)}`)
      })
      .finally(() => {
        isBusy = false
      })
  }, 1000)
  return {
    stop() {
      clearInterval(timer)
    },
  }
}
