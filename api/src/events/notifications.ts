import pg from 'pg'
import type { Logger } from 'pino'

/** Word from other instances of the api, through PostgreSQL's LISTEN and NOTIFY. Payloads are ids: at most 8 000 bytes. */
export type Notifications = {
  /** False while the connection is broken: what was announced meanwhile is lost. */
  isListening(): boolean
  stop(): Promise<void>
}

export type NotificationOptions = {
  databaseUrl: string
  channel: string
  logger: Logger
  onNotification: (payload: string) => void
  /** The connection is back (or there for the first time): anything may have changed. */
  onListening: () => void
}

const LONGEST_WAIT_MS = 5_000

/** Listens on a connection of its own and dials again, with growing waits, when it breaks. Resolves after the first try. */
export async function listen({ databaseUrl, channel, logger, onNotification, onListening }: NotificationOptions): Promise<Notifications> {
  let client: pg.Client | null = null
  let timer: NodeJS.Timeout | null = null
  let isListening = false
  let isStopped = false
  let failures = 0

  const retry = (error: unknown) => {
    isListening = false
    client = null
    if (isStopped || timer !== null) return
    failures += 1
    const wait = Math.min(50 * 2 ** failures, LONGEST_WAIT_MS)
    logger.warn({ err: error, wait }, 'the notification connection broke')
    timer = setTimeout(() => {
      timer = null
      void connect()
    }, wait)
  }

  const connect = async () => {
    const next = new pg.Client({ connectionString: databaseUrl, keepAlive: true, application_name: 'catalyst-api-listen' })
    client = next
    // One break can be told several times: what is said about a connection that was given up already is passed over.
    const lost = (error: unknown) => {
      if (client === next) retry(error)
    }
    next.on('error', lost)
    next.once('end', () => {
      lost(new Error('the connection ended'))
    })
    next.on('notification', ({ payload }) => {
      try {
        onNotification(payload ?? '')
      } catch (error) {
        // Not understood: anything may have changed.
        logger.warn({ err: error }, 'a notification could not be read')
        onListening()
      }
    })
    try {
      await next.connect()
      await next.query(`listen ${pg.escapeIdentifier(channel)}`)
      failures = 0
      isListening = true
      onListening()
    } catch (error) {
      lost(error)
      await next.end().catch(() => undefined)
    }
  }

  await connect()
  return {
    isListening: () => isListening,
    async stop() {
      isStopped = true
      isListening = false
      if (timer !== null) clearTimeout(timer)
      const last = client
      client = null
      await last?.end().catch(() => undefined)
    },
  }
}
