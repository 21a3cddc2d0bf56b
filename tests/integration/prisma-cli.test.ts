import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { deploy } from '@catalyst/prisma/migrate'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

// Prisma's CLI on the WASM engine rests on internals of Prisma: this round trip is what keeps an upgrade honest.

const PACKAGE = path.resolve(import.meta.dirname, '../../prisma')
const GADGET = '\nmodel Gadget {\n  id   Int    @id\n  name String\n}\n'

let database: TestDatabase
let folder: string

/** The CLI on a copy of the package, so that a new migration does not land in the real one. */
function prisma(...args: string[]): { status: number | null; output: string } {
  const cli = path.join(PACKAGE, 'node_modules/prisma/build/index.js')
  const result = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, DATABASE_URL: database.url, CI: '', NO_COLOR: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  })
  return { status: result.status, output: `${result.stdout}${result.stderr}` }
}

async function tables(): Promise<string[]> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query<{ tablename: string }>("select tablename from pg_tables where schemaname = 'public' order by 1")
  await client.end()
  return rows.map((row) => row.tablename)
}

const migrationNames = () =>
  readdirSync(path.join(folder, 'migrations'), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))

beforeEach(async () => {
  database = await createTestDatabase({ isEmpty: true })
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-prisma-'))
  for (const name of ['schema.prisma', 'migrations', 'prisma.config.ts', 'package.json']) {
    cpSync(path.join(PACKAGE, name), path.join(folder, name), { recursive: true })
  }
  // The engine is found beside the configuration, and finds its own modules by its real path.
  for (const name of ['schema-engine.ts', 'src', 'node_modules']) symlinkSync(path.join(PACKAGE, name), path.join(folder, name))
})

afterEach(async () => {
  rmSync(folder, { recursive: true, force: true })
  await database.drop()
})

test('deploy, status, diff, dev and reset do what Prisma promises', async () => {
  expect(prisma('migrate', 'deploy')).toMatchObject({ status: 0 })
  expect(await tables()).toContain('Server')
  expect(prisma('migrate', 'status').output).toContain('up to date')

  // The committed migrations make exactly the committed schema.
  const same = prisma('migrate', 'diff', '--from-config-datasource', '--to-schema', 'schema.prisma', '--exit-code')
  expect(same.output).toContain('No difference detected')
  expect(same.status).toBe(0)

  appendFileSync(path.join(folder, 'schema.prisma'), GADGET)
  const changed = prisma('migrate', 'diff', '--from-config-datasource', '--to-schema', 'schema.prisma', '--exit-code', '--script')
  expect(changed.output).toContain('CREATE TABLE "Gadget"')
  expect(changed.status).toBe(2)

  const before = migrationNames()
  const dev = prisma('migrate', 'dev', '--name', 'gadget')
  expect(dev).toMatchObject({ status: 0, output: expect.stringContaining('gadget') as string })
  const added = migrationNames().filter((name) => !before.includes(name))
  expect(added).toHaveLength(1)
  expect(readFileSync(path.join(folder, 'migrations', added[0] ?? '', 'migration.sql'), 'utf8')).toContain('CREATE TABLE "Gadget"')
  expect(await tables()).toContain('Gadget')

  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(`insert into "Gadget" values (1, 'one')`)
  await client.end()
  expect(prisma('migrate', 'reset', '--force')).toMatchObject({ status: 0 })
  expect(await tables()).toContain('Gadget')
  expect(prisma('migrate', 'status').output).toContain('up to date')
}, 60_000)

test('a migration with a function body is applied whole, and a failing one is reported as failed', async () => {
  const write = (name: string, text: string) => {
    cpSync(path.join(PACKAGE, 'migrations'), path.join(folder, 'migrations'), { recursive: true })
    const target = path.join(folder, 'migrations', name)
    cpSync(path.join(folder, 'migrations', migrationNames()[0] ?? ''), target, { recursive: true })
    writeFileSync(path.join(target, 'migration.sql'), text)
  }
  write('20990101000000_function', 'create function one() returns int language plpgsql as $$ begin return 1; end; $$; select one();')
  expect(await deploy(database.url, path.join(folder, 'migrations'))).toContain('20990101000000_function')

  write('20990101000001_broken', 'create table broken (id int); select no_such_function();')
  await expect(deploy(database.url, path.join(folder, 'migrations'))).rejects.toThrow(/20990101000001_broken/)
  expect(prisma('migrate', 'status').output).toContain('20990101000001_broken')
})

test('several processes may deploy at once', async () => {
  const results = await Promise.all([deploy(database.url), deploy(database.url), deploy(database.url)])
  expect(results.filter((applied) => applied.length > 0)).toHaveLength(1)
  expect(await deploy(database.url)).toEqual([])
})

test('what is wrong with the server is said', () => {
  const right = database
  const address = new URL(right.url)
  address.password = 'wrong'
  database = { ...right, url: address.href }
  expect(prisma('migrate', 'deploy').output).toContain('P1000')
  address.port = '1'
  database = { ...right, url: address.href }
  expect(prisma('migrate', 'deploy').output).toContain('P1001')
  database = right
})
