import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbedded, stopEmbedded } from '@catalyst/prisma/embedded'

const DEPLOY = path.resolve(import.meta.dirname, '../../prisma/deploy.ts')

const folderOf = (root: string) => path.join(root, 'api', 'postgres')

async function remove(root: string): Promise<void> {
  await stopEmbedded(folderOf(root))
  await rm(root, { recursive: true, force: true })
}

/** Servers of test runs that were killed; the process id in the name tells whose they are. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(/^catalyst-database-(\d+)-/.exec(name)?.[1])
    if (!pid) continue
    try {
      process.kill(pid, 0)
    } catch {
      await remove(path.join(tmpdir(), name))
    }
  }
}

/** A PostgreSQL of the test run's own, that keeps nothing: no flushing, removed at the end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers()
  const folder = await mkdtemp(path.join(tmpdir(), `catalyst-database-${String(process.pid)}-`))
  const server = await startEmbedded({
    directory: folderOf(folder),
    passwordFile: path.join(folder, 'api', 'secrets', 'postgres-password'),
    logFile: path.join(folder, 'postgres.log'),
    database: 'template_catalyst',
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300', autovacuum: 'off' },
  })
  const teardown = () => remove(folder)
  const deployed = spawnSync(process.execPath, [DEPLOY], { encoding: 'utf8', env: { ...process.env, DATABASE_URL: server.url } })
  if (deployed.status !== 0) {
    await teardown()
    throw new Error(`the migrations of the template database failed: ${deployed.stderr}`)
  }
  project.provide('templateDatabaseUrl', server.url)
  return teardown
}
