import { MongoBackend } from '@agendajs/mongo-backend'
import { PostgresBackend } from '@agendajs/postgres-backend'
import type { AgendaBackend } from 'agenda'
import pg from 'pg'
import { outliveBrokenConnections } from '../db/database.ts'

/** The database schema of the jobs: nothing of it is known to Prisma. */
const SCHEMA = 'agenda'
/** Any number of our own: two instances that make the tables at once would trip over each other. */
const SET_UP_LOCK = 7_305_114

/** Connections of the scheduler alone: a job that waits for one must not wait behind people's requests. */
export function createJobPool(databaseUrl: string, onError: (error: unknown) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 4,
    connectionTimeoutMillis: 10_000,
    application_name: 'catalyst-api-jobs',
    options: `-c search_path=${SCHEMA}`,
  })
  outliveBrokenConnections(pool, onError)
  return pool
}

async function openPostgres(pool: pg.Pool): Promise<AgendaBackend> {
  const client = await pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [SET_UP_LOCK])
    await client.query(`create schema if not exists ${pg.escapeIdentifier(SCHEMA)}`)
    // Jobs of ours come by the clock: they are found by looking, and nobody needs to be told of new ones.
    const backend = new PostgresBackend({ pool, disableNotifications: true })
    await backend.connect()
    return backend
  } finally {
    await client.query('select pg_advisory_unlock($1)', [SET_UP_LOCK]).catch(() => undefined)
    client.release()
  }
}

async function openMongo(url: string): Promise<AgendaBackend> {
  const backend = new MongoBackend({ address: url, collection: 'catalystJobs', options: { serverSelectionTimeoutMS: 5_000 } })
  await backend.connect()
  return backend
}

/**
 * Where the jobs are kept, connected.
 * @throws errors of the driver when it cannot be reached
 */
export async function openJobStore(pool: pg.Pool, mongodbUrl: string | null): Promise<AgendaBackend> {
  const backend = await (mongodbUrl === null ? openPostgres(pool) : openMongo(mongodbUrl))
  return {
    name: backend.name,
    repository: backend.repository,
    ownsConnection: backend.ownsConnection,
    // Agenda connects in its constructor, where a failure would end the process: it is done already.
    connect: () => Promise.resolve(),
    disconnect: () => backend.disconnect(),
  }
}
