import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startEmbedded, stopEmbedded, type EmbeddedOptions } from '@catalyst/prisma/embedded'

let folder: string
let options: EmbeddedOptions

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  // A server that is killed under us ends the connection with an error event.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** The major version of the data folder that has been made. */
const major = () => readdirSync(options.directory).find((name) => /^\d+$/.test(name)) ?? ''

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-embedded-'))
  options = {
    directory: path.join(folder, 'api', 'postgres'),
    passwordFile: path.join(folder, 'api', 'secrets', 'postgres-password'),
    logFile: path.join(folder, 'logs', 'postgres.log'),
    database: 'postgres',
  }
})

afterEach(async () => {
  await stopEmbedded(options.directory)
  rmSync(folder, { recursive: true, force: true })
})

test('it keeps data over a stop, takes the same port again and keeps its password to its owner', async () => {
  const first = await startEmbedded(options)
  expect(first.isAdopted).toBe(false)
  await query(first.url, 'create table kept (id int); insert into kept values (1)')
  expect(statSync(options.passwordFile).mode & 0o777).toBe(0o600)
  expect(statSync(path.join(options.directory, major())).mode & 0o777).toBe(0o700)
  await stopEmbedded(options.directory)
  await expect(query(first.url, 'select 1')).rejects.toThrow()

  const second = await startEmbedded(options)
  expect(second.url).toBe(first.url)
  expect(await query(second.url, 'select id from kept')).toEqual([{ id: 1 }])
}, 30_000)

test('a server that runs already is taken over', async () => {
  const first = await startEmbedded(options)
  const second = await startEmbedded(options)
  expect(second).toEqual({ ...first, isAdopted: true })
}, 30_000)

test('after a kill of the server the next start recovers what was committed', async () => {
  const first = await startEmbedded({ ...options, settings: { fsync: 'on' } })
  await query(first.url, 'create table kept (id int); insert into kept values (1)')
  process.kill(first.pid, 'SIGKILL')
  const second = await startEmbedded(options)
  expect(second.pid).not.toBe(first.pid)
  expect(await query(second.url, 'select id from kept')).toEqual([{ id: 1 }])
}, 60_000)

test('a process id in a stale lock file that belongs to another program does not stand in the way', async () => {
  await startEmbedded(options)
  await stopEmbedded(options.directory)
  writeFileSync(path.join(options.directory, major(), 'postmaster.pid'), `${String(process.ppid)}\n`)
  expect((await startEmbedded(options)).isAdopted).toBe(false)
}, 30_000)

test('a set-up that was cut short is done again', async () => {
  mkdirSync(options.directory, { recursive: true })
  await startEmbedded(options)
  await stopEmbedded(options.directory)
  const unfinished = path.join(options.directory, `${major()}.unfinished`)
  renameSync(path.join(options.directory, major()), unfinished)
  rmSync(path.join(unfinished, 'PG_VERSION'))
  await startEmbedded(options)
  expect(existsSync(unfinished)).toBe(false)
}, 30_000)

test('data of another major version are refused, and the way out is named', async () => {
  const other = path.join(options.directory, '15')
  mkdirSync(other, { recursive: true })
  writeFileSync(path.join(other, 'PG_VERSION'), '15\n')
  await expect(startEmbedded(options)).rejects.toThrow(/PostgreSQL 15.*pg_dump.*DATABASE_URL/)
  expect(readdirSync(options.directory)).toEqual(['15'])
})

test.runIf(process.getuid?.() === 0)(
  'as root, a data folder below one that only root may enter is refused with the reason',
  async () => {
    const closed = path.join(folder, 'closed')
    const directory = path.join(closed, 'home', 'data', 'api', 'postgres')
    mkdirSync(directory, { recursive: true })
    chmodSync(closed, 0o700)
    await expect(startEmbedded({ ...options, directory })).rejects.toThrow(/CATALYST_DATA_DIR/)
    expect(statSync(closed).mode & 0o777).toBe(0o700)
  },
  30_000,
)
