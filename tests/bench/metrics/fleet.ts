import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEmbedded, stopEmbedded } from '@catalyst/prisma/embedded'
import { createDatabase, type Database } from '../../../api/src/db/database.ts'

/** A database as the product has it (nothing about its durability is turned off), with servers that do not exist otherwise. */
export type BenchFleet = { db: Database; url: string; nodeId: string; serverIds: string[]; dispose(): Promise<void> }

const DEPLOY = path.resolve(import.meta.dirname, '../../../prisma/deploy.ts')
const QUIET = { warn: () => undefined } as never

export async function startBenchFleet(serverCount: number): Promise<BenchFleet> {
  const folder = await mkdtemp(path.join(tmpdir(), 'catalyst-bench-metrics-'))
  const directory = path.join(folder, 'postgres')
  const server = await startEmbedded({
    directory,
    passwordFile: path.join(folder, 'secrets', 'password'),
    logFile: path.join(folder, 'postgres.log'),
    database: 'catalyst',
  })
  const dispose = async () => {
    await stopEmbedded(directory)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const deployed = spawnSync(process.execPath, [DEPLOY], { encoding: 'utf8', env: { ...process.env, DATABASE_URL: server.url } })
    if (deployed.status !== 0) throw new Error(deployed.stderr)
    const db = createDatabase(server.url, QUIET, () => undefined)
    const [userId, nodeId, templateId] = [randomUUID(), randomUUID(), randomUUID()]
    const serverIds = Array.from({ length: serverCount }, () => randomUUID())
    await db.pool.query(
      `insert into "User" (id, email, username, "displayName", "passwordHash", "updatedAt") values ($1, 'a@b', 'a', 'a', '', now())`,
      [userId],
    )
    await db.pool.query(`insert into "Node" (id, name, address, "publicKey", "updatedAt") values ($1, 'n', '192.0.2.1', '', now())`, [
      nodeId,
    ])
    await db.pool.query(
      `insert into "Template" (id, slug, name, version, spec, source, "updatedAt") values ($1, 't', 't', '1', '{}', '', now())`,
      [templateId],
    )
    await db.pool.query(
      `insert into "Server" (id, slug, name, "ownerId", "nodeId", "templateId", "memoryMiB", "cpuPercent", "diskMiB", "updatedAt")
       select id, id::text, id::text, $2, $3, $4, 1, 1, 1, now() from unnest($1::uuid[]) id`,
      [serverIds, userId, nodeId, templateId],
    )
    return {
      db,
      url: server.url,
      nodeId,
      serverIds,
      async dispose() {
        await db.close()
        await dispose()
      },
    }
  } catch (error) {
    await dispose()
    throw error
  }
}
