import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { withEngine } from './schema-engine/engine.ts'
import { createDatabase, maintenanceOf, runSql } from './schema-engine/sql.ts'

/** The migrations of this package. */
export const MIGRATIONS_DIRECTORY = path.resolve(import.meta.dirname, '../migrations')

async function readMigrations(directory: string) {
  const entries = await readdir(directory, { withFileTypes: true })
  const names = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()
  const migrationDirectories = await Promise.all(
    names.map(async (name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: await readFile(path.join(directory, name, 'migration.sql'), 'utf8') },
      },
    })),
  )
  return {
    baseDir: directory,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories,
  }
}

/**
 * `prisma migrate deploy` in this process: makes the database when it is missing and applies what is pending. Several at once
 * wait for each other. The engine leaves a timer of 10 s behind: one-shot scripts end with process.exit.
 * @returns the names of the migrations it applied
 * @throws pg errors when the server cannot be reached; the engine's error when a migration fails
 */
export async function deploy(url: string, directory = MIGRATIONS_DIRECTORY): Promise<string[]> {
  const migrationsList = await readMigrations(directory)
  const { database, url: maintenance } = maintenanceOf(url)
  const lock = new pg.Client({ connectionString: maintenance })
  await lock.connect()
  try {
    await lock.query('select pg_advisory_lock(hashtext($1))', [`migrate ${database}`])
    try {
      await runSql(url, 'select 1')
    } catch (error) {
      if ((error as { code?: string }).code !== '3D000') throw error
      await createDatabase(url)
    }
    const applied = await withEngine({ url }, undefined, (engine) =>
      engine.applyMigrations({ migrationsList, filters: { externalTables: [], externalEnums: [] } }),
    )
    return applied.appliedMigrationNames
  } finally {
    await lock.end()
  }
}
