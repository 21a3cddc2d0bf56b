import pg from 'pg'

/** A database and where to stand while it is made or dropped. */
type Maintenance = { database: string; url: string }

/** Runs SQL (one or more statements) on a connection of its own. */
export async function runSql(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

/** The name of the database in `url`, and the address of another database of the same server. */
export function maintenanceOf(url: string): Maintenance {
  const address = new URL(url)
  const database = decodeURIComponent(address.pathname.slice(1)) || 'postgres'
  address.pathname = database === 'postgres' ? '/template1' : '/postgres'
  address.searchParams.delete('schema')
  return { database, url: address.href }
}

/** @throws pg.DatabaseError 42P04 when it exists */
export async function createDatabase(url: string): Promise<{ databaseName: string }> {
  const { database, url: maintenance } = maintenanceOf(url)
  await runSql(maintenance, `CREATE DATABASE ${pg.escapeIdentifier(database)}`)
  return { databaseName: database }
}

/** Drops the database with whatever is connected to it; nothing happens when it does not exist. */
export async function dropDatabase(url: string): Promise<void> {
  const { database, url: maintenance } = maintenanceOf(url)
  await runSql(maintenance, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`)
}

/** The same server, another database. */
export function withDatabase(url: string, database: string): string {
  const address = new URL(url)
  address.pathname = `/${encodeURIComponent(database)}`
  return address.href
}
