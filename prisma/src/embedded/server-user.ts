import { readFile } from 'node:fs/promises'
import { EmbeddedPostgresError } from './error.ts'

/** Who the server runs as. */
export type ServerUser = { name: string; ids: { uid: number; gid: number } }

/**
 * PostgreSQL refuses to run as root, and initdb wants an entry in the user database: `postgres` when there is one, else
 * `nobody`.
 * @returns null when this process is not root: the server runs as the same user then
 */
export async function findServerUser(): Promise<ServerUser | null> {
  if (process.getuid?.() !== 0) return null
  const entries = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const entry = entries.find((fields) => fields[0] === name)
    if (entry) return { name, ids: { uid: Number(entry[2]), gid: Number(entry[3]) } }
  }
  throw new EmbeddedPostgresError(
    'PostgreSQL does not run as root, and there is neither a user postgres nor nobody: add one, or set DATABASE_URL',
  )
}
