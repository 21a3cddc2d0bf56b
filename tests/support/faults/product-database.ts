import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'

/** Looks into the embedded database of a product from outside, as nobody but a test does. */
export type ProductDatabase = {
  rows<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  /** A connection of its own, for what must be held; the caller ends it. */
  connect(): Promise<pg.Client>
}

async function addressOf(dataDir: string): Promise<string> {
  const folder = path.join(dataDir, 'api', 'postgres')
  const major = (await readdir(folder)).find((name) => /^\d+$/.test(name)) ?? ''
  const port = (await readFile(path.join(folder, major, 'postmaster.pid'), 'utf8')).split('\n')[3] ?? ''
  const password = (await readFile(path.join(dataDir, 'api', 'secrets', 'postgres-password'), 'utf8')).trim()
  return `postgresql://catalyst:${encodeURIComponent(password)}@127.0.0.1:${port}/catalyst`
}

/** Connects anew for each question: the server may be another one by then. */
export function productDatabase(dataDir: string): ProductDatabase {
  const connect = async () => {
    const client = new pg.Client({
      connectionString: await addressOf(dataDir),
      connectionTimeoutMillis: 2000,
      query_timeout: 10_000,
    })
    // The server is killed under it.
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  return {
    connect,
    async rows<Row extends object>(text: string, values: unknown[] = []) {
      const client = await connect()
      try {
        return (await client.query<Row>(text, values)).rows
      } finally {
        await client.end().catch(() => undefined)
      }
    },
  }
}
