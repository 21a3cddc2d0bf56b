import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, type Database } from '../../api/src/db/database.ts'
import { createConsoleRetention } from '../../api/src/modules/console/console-retention.ts'
import { createConsoleStore, type ConsoleStore } from '../../api/src/modules/console/console-store.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'

const SILENT = { warn: () => undefined } as unknown as Parameters<typeof createDatabase>[1]

let fleet: Fleet
/** Two processes of the api look at the same database. */
let databases: [Database, Database]
let store: ConsoleStore
let id: string
let now: Date

beforeAll(async () => {
  fleet = await startFleet({ first: 25_500, last: 25_529 })
  const open = () => createDatabase(fleet.api.databaseUrl, SILENT, () => undefined)
  databases = [open(), open()]
})
beforeEach(async () => {
  id = await installedServer(fleet)
  now = new Date()
  // Nothing is remembered: what is read is what the disk has.
  store = createConsoleStore(databases[0], () => Math.random() * 1e12)
})
afterAll(async () => {
  for (const database of databases) await database.close()
  await fleet.dispose()
})

const prune = (database: Database) => createConsoleRetention({ db: database, now: () => now }).pruneConsoles()
const segments = () =>
  fleet.api.sql<{ from: number; to: number; bytes: number }>(
    `select "fromPosition"::int as from, "toPosition"::int as to, "byteCount" as bytes from "ConsoleSegment" where "serverId" = $1 order by "fromPosition"`,
    [id],
  )

/** Stores one segment for each text, one second apart. */
async function write(texts: readonly string[], options: { from?: number; startsAt?: number; runId?: string } = {}): Promise<number> {
  let from = options.from ?? 0
  const startsAt = options.startsAt ?? now.getTime() - texts.length * 1000
  for (const [index, text] of texts.entries()) {
    const bytes = Buffer.from(text)
    const at = startsAt + index * 1000
    await store.append(id, [{ kind: 'OUTPUT', from, to: from + bytes.length, runId: options.runId ?? 'r', at, actor: null, bytes }])
    from += bytes.length
  }
  return from
}

/** The console from a position on, with its gaps. */
async function read(position: number): Promise<string> {
  let text = ''
  for (let at = position; ;) {
    const pieces = await store.next(id, at)
    if (pieces === null) return text
    if (pieces[0] !== undefined && pieces[0].from > at) text += `<missing to ${String(pieces[0].from)}>`
    for (const piece of pieces) {
      if (piece.to <= at) continue
      text += piece.kind === 'GAP' ? `<${piece.reason}>` : piece.bytes.toString()
      at = piece.to
    }
  }
}

const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${String(index)}\n`)

describe('merging', () => {
  it('makes few segments of many, with the same text', async () => {
    await write(lines(700))
    await prune(databases[0])
    expect((await segments()).length).toBeLessThan(4)
    expect(await read(0)).toBe(lines(700).join(''))
    const before = await segments()
    await prune(databases[0])
    expect((await segments()).length).toBeLessThanOrEqual(before.length)
    expect(await read(0)).toBe(lines(700).join(''))
  })

  it('leaves good segments alone, and never joins over a gap', async () => {
    const good = 'x'.repeat(600_000)
    const end = await write([good, ...lines(20)])
    await write(lines(20), { from: end + 100 })
    await prune(databases[0])
    expect((await segments()).map(({ bytes }) => bytes > 500_000)).toEqual([true, false, false])
    expect(await read(end - 8)).toContain(`line 19\n<missing to ${String(end + 100)}>line 0\n`)
  })

  it('loses nothing when others drop or merge what it has read', async () => {
    await write(lines(20))
    const whole = lines(20).join('')
    /** As another process would, between the reading and the writing. */
    const meanwhile = async (change: () => Promise<unknown>) => {
      const query = async (statement: { name: string }) => {
        if (statement.name === 'console-merge') await change()
        return databases[0].pool.query(statement as never)
      }
      await prune({ ...databases[0], pool: { query } as unknown as Database['pool'] })
    }
    await meanwhile(() => fleet.api.sql('delete from "ConsoleSegment" where "serverId" = $1 and "fromPosition" < 14', [id]))
    expect(await read(0)).toBe(`<missing to 14>${whole.slice(14)}`)
    await meanwhile(() => prune(databases[1]))
    expect(await segments()).toHaveLength(1)
    expect(await read(14)).toBe(whole.slice(14))
  })

  it('leaves as it is what cannot be read, merges what is around it, and reads it no more', async () => {
    await write(lines(20))
    await fleet.api.sql(`update "ConsoleSegment" set data = 'x' where "serverId" = $1 and "fromPosition" = 7`, [id])
    let readings = 0
    const query = (statement: { name: string }) => {
      if (statement.name === 'console-merge-read') readings += 1
      return databases[0].pool.query(statement as never)
    }
    const db = { ...databases[0], pool: { query } as unknown as Database['pool'] }
    const { pruneConsoles } = createConsoleRetention({ db, now: () => now })
    await pruneConsoles()
    expect(await segments()).toHaveLength(20)
    expect(await read(0)).toContain('line 0\n<DAMAGED>line 2\n')
    await pruneConsoles()
    expect((await segments()).map(({ from }) => from)).toEqual([0, 7, 14])
    expect(await read(0)).toBe(`line 0\n<DAMAGED>${lines(20).slice(2).join('')}`)
    readings = 0
    await pruneConsoles()
    expect(readings).toBe(0)
  })

  it('is done once when two processes come at once, and readers see every line meanwhile', async () => {
    await write(lines(400))
    const whole = lines(400).join('')
    const done = new AbortController()
    const reading = (async () => {
      while (!done.signal.aborted) expect(await read(0)).toBe(whole)
    })()
    await Promise.all([prune(databases[0]), prune(databases[1]), prune(databases[0])])
    done.abort()
    await reading
    expect(await read(0)).toBe(whole)
  })
})

describe('retention', () => {
  it('drops the oldest beyond the bytes that are kept, with their runs', async () => {
    await fleet.api.sql('update "Server" set "consoleRetentionMiB" = 1 where id = $1', [id])
    const block = 'x'.repeat(600_000)
    const first = await write([block], { runId: 'old' })
    await write([block, block], { from: first, runId: 'new' })
    await prune(databases[0])
    expect((await segments()).map(({ from }) => from)).toEqual([2 * 600_000])
    expect(await read(0)).toBe(`<missing to 1200000>${block}`)
    const runs = await fleet.api.sql<{ id: string }>('select id from "ConsoleRun" where "serverId" = $1', [id])
    expect(runs.map((run) => run.id)).toEqual(['new'])
  })

  it('drops what is too old, and keeps the place where the console goes on', async () => {
    await write(lines(3), { startsAt: now.getTime() - 91 * 86_400_000 })
    const end = await store.end(id)
    await prune(databases[0])
    expect(await store.end(id)).toBe(end)
    expect(await read(0)).not.toContain('line')
    await write(['new\n'], { from: end })
    await prune(databases[0])
    expect(await read(0)).toMatch(/^(<missing to \d+>|<RETENTION>)+new\n$/)
  })

  it('drops old lines of a quiet console though newer ones were merged with their like', async () => {
    await fleet.api.sql('update "Server" set "consoleRetentionDays" = 2 where id = $1', [id])
    const noon = new Date('2026-03-01T12:00:00Z').getTime()
    let end = 0
    for (let day = 0; day < 4; day += 1) {
      end = await write(
        Array.from({ length: 10 }, () => `day ${String(day)}\n`),
        { from: end, startsAt: noon + day * 86_400_000 },
      )
      now = new Date(noon + day * 86_400_000 + 60_000)
      await prune(databases[0])
    }
    expect(await read(0)).not.toMatch(/day [01]/)
    expect((await read(0)).match(/day [23]/g)).toHaveLength(20)
  })

  it('keeps younger lines before one with a time that is too early', async () => {
    const end = await write(lines(3))
    await write(['from a clock that was not set yet\n'], { from: end, startsAt: Date.UTC(1970, 0, 2) })
    await write(['newest\n'], { from: await store.end(id) })
    await prune(databases[0])
    expect(await read(0)).toContain('line 0\nline 1\nline 2\n')
  })

  it('goes on with the others when one server cannot be tidied', async () => {
    await write(lines(20))
    const others = await fleet.api.sql<{ id: string }>('select distinct "serverId" as id from "ConsoleSegment" where "serverId" <> $1', [
      id,
    ])
    let attempts = 0
    const transaction: Database['transaction'] = (run) => {
      attempts += 1
      return attempts === 1 ? Promise.reject(new Error('locked')) : databases[0].transaction(run)
    }
    const [pruned] = await Promise.allSettled([prune({ ...databases[0], transaction })])
    expect(pruned).toMatchObject({ status: 'rejected', reason: { errors: [{ message: 'locked' }] } })
    expect(attempts).toBe(1 + others.length)
  })

  it('leaves other servers alone', async () => {
    const other = await installedServer(fleet)
    await write(lines(3))
    await fleet.api.sql('update "Server" set "consoleRetentionDays" = 1 where id = $1', [other])
    now = new Date(now.getTime() + 2 * 86_400_000)
    await prune(databases[0])
    expect(await read(0)).toBe(lines(3).join(''))
  })
})
