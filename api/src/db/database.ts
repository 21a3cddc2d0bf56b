import { setTimeout as delay } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import { Prisma, PrismaClient } from '@catalyst/prisma/client'
import pg from 'pg'
import type { Logger } from 'pino'
import { timeQueries } from './query-timing.ts'

/** What runs inside one transaction gets. */
export type Transaction = {
  prisma: Prisma.TransactionClient
  /** Runs once the commit succeeded, in the order given: bus events are published here, never before. Must not throw. */
  afterCommit(run: () => void): void
}

export type Database = {
  prisma: PrismaClient
  /** The same connections as Prisma's; for read models. */
  pool: pg.Pool
  /**
   * Runs it in one transaction (read committed). Repeats it after a serialization failure or deadlock, at most three
   * times: it must have no effects of its own outside the transaction.
   */
  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}

const POOL_SIZE = 20
/** Nothing waits for ever: not for a connection, a lock or a statement, nor for a database that has fallen silent. */
const WAITS = {
  connectionTimeoutMillis: 5_000,
  lock_timeout: 5_000,
  statement_timeout: 10_000,
  idle_in_transaction_session_timeout: 30_000,
  query_timeout: 12_000,
  keepAlive: true,
  // One whose peer is gone without a word is given up in the end, whatever waits on it.
  maxLifetimeSeconds: 60,
} as const
const ATTEMPTS = 4
/** A transaction waits this long for a connection, and then may take as long as this. */
const MAX_WAIT_MS = 5_000
const TIMEOUT_MS = 15_000

/** Serialization failure and deadlock, by Prisma's code or PostgreSQL's own. */
function isRetryable(error: unknown): boolean {
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    return error.code === 'P2034' || /\b(40001|40P01)\b/.test(`${error.message} ${JSON.stringify(error.meta ?? {})}`)
  }
  return false
}

/** Another row has what must be unique. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002'
}

/**
 * A connection that breaks (database restarted) is replaced at the next use. Each needs a listener for as long as it lives:
 * idle, lent, and also between the two, where the pool and Prisma have none. One without would end the process.
 */
export function outliveBrokenConnections(pool: pg.Pool, onError: (error: unknown) => void): void {
  pool.on('error', onError)
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
}

/**
 * Opens the pool; nothing connects before the first statement.
 * @param onQuery told the seconds that each statement took
 */
export function createDatabase(url: string, logger: Logger, onQuery: (seconds: number) => void): Database {
  const pool = new pg.Pool({ connectionString: url, max: POOL_SIZE, ...WAITS, application_name: 'catalyst-api' })
  outliveBrokenConnections(pool, (error) => {
    logger.warn({ err: error }, 'an idle database connection broke')
  })
  timeQueries(pool, onQuery)
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })

  return {
    prisma,
    pool,
    async transaction(run) {
      for (let attempt = 1; ; attempt += 1) {
        const committed: (() => void)[] = []
        try {
          const result = await prisma.$transaction((tx) => run({ prisma: tx, afterCommit: (callback) => committed.push(callback) }), {
            maxWait: MAX_WAIT_MS,
            timeout: TIMEOUT_MS,
          })
          for (const callback of committed) callback()
          return result
        } catch (error) {
          if (attempt === ATTEMPTS || !isRetryable(error)) throw error
          await delay(Math.random() * 20 * 2 ** attempt)
        }
      }
    },
    async close() {
      await prisma.$disconnect()
      await pool.end()
    },
  }
}
