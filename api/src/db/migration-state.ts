import { readdir } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'

const MIGRATIONS_FOLDER = path.resolve(import.meta.dirname, '../../../prisma/migrations')

/** How the database stands to this code. */
export type MigrationState = {
  /** Not applied, or not to the end. */
  missing: string[]
  /** Applied, but unknown to this code: it is older than the database. */
  unknown: string[]
}

/** Names of the migrations that this code knows. */
export async function readMigrationNames(): Promise<string[]> {
  const entries = await readdir(MIGRATIONS_FOLDER, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort()
}

/** Compares what was applied with what this code knows. @throws pg errors when the database cannot be reached */
export async function readMigrationState(pool: pg.Pool, known: readonly string[]): Promise<MigrationState> {
  const table = await pool.query<{ exists: boolean }>(`select to_regclass('_prisma_migrations') is not null as exists`)
  if (table.rows[0]?.exists !== true) return { missing: [...known], unknown: [] }
  const { rows } = await pool.query<{ migration_name: string; isDone: boolean }>(
    'select migration_name, finished_at is not null as "isDone" from _prisma_migrations where rolled_back_at is null',
  )
  const done = new Set(rows.flatMap((row) => (row.isDone ? [row.migration_name] : [])))
  return {
    missing: known.filter((name) => !done.has(name)),
    unknown: rows.map((row) => row.migration_name).filter((name) => !known.includes(name)),
  }
}

/** Why this code cannot run on that database, with the way out; null when it can. */
export function problemOfMigrations({ missing, unknown }: MigrationState): string | null {
  if (unknown.length > 0)
    return `The database is newer than this version (it has ${unknown.join(', ')}). Run the newer version again, or restore a backup from before the update.`
  if (missing.length > 0)
    return `The database lacks migrations (${missing.join(', ')}). Apply them with \`npm run db:migrate\`; \`npm start\` does so itself.`
  return null
}
