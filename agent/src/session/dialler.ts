import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../lib/log.ts'
import { connect, OperationError, type Connection } from './connection.ts'

const FIRST_WAIT_MS = 500
/** An api that is back has its nodes back within 5 s; jitter spreads them. */
const LONGEST_WAIT_MS = 4_000
/** A refusal is no outage: nothing is gained by asking soon. */
const REFUSED_WAIT_MS = 30_000
/** A session that lived this long had nothing wrong with it: the next try waits the shortest time again. */
const STABLE_MS = 10_000
/** Refusals that another try alone does not mend. */
const REFUSALS = new Set(['ENROLMENT_REFUSED', 'SIGN_IN_REFUSED', 'PROTOCOL_VERSION', 'INVALID_KEY', 'RATE_LIMITED'])

export type DiallerOptions = {
  url: string
  /** Serves one connection to its end; resolves with the reason. */
  serve: (connection: Connection) => Promise<string>
  random: () => number
  log: Log
  signal: AbortSignal
}

/** How long to wait after a failed try, in milliseconds; `chance` is 0 to 1. */
export function waitMs(failures: number, isRefused: boolean, chance: number): number {
  const limit = isRefused ? REFUSED_WAIT_MS : Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures, 10), LONGEST_WAIT_MS)
  return FIRST_WAIT_MS / 2 + chance * limit
}

/** Connects to the api for as long as the agent lives: after each end again, with growing waits and full jitter. */
export async function keepConnected({ url, serve, random, log, signal }: DiallerOptions): Promise<void> {
  let failures = 0
  const isOver = () => signal.aborted
  while (!signal.aborted) {
    const started = performance.now()
    let isRefused = false
    try {
      const connection = await connect(url, signal)
      const stop = () => {
        connection.close()
      }
      signal.addEventListener('abort', stop, { once: true })
      if (isOver()) stop()
      try {
        log.info({ reason: await serve(connection) }, 'session ended')
      } finally {
        signal.removeEventListener('abort', stop)
        connection.close()
      }
    } catch (error) {
      isRefused = error instanceof OperationError && REFUSALS.has(error.code)
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'no session')
    }
    failures = performance.now() - started > STABLE_MS ? 0 : failures + 1
    await delay(waitMs(failures, isRefused, random()), undefined, { signal }).catch(() => undefined)
  }
}
