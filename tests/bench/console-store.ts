import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync, appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createDatabase } from '../../api/src/db/database.ts'
import { createConsoleRetention } from '../../api/src/modules/console/console-retention.ts'
import { createConsoleStore } from '../../api/src/modules/console/console-store.ts'
import { describeResult, figureResult, type BenchResult } from '../support/bench.ts'
import { startRig } from '../support/console-rig/rig.ts'

// What a console takes on the disk beside `zstd -3` of the same log, and how long it takes to read and to search it. The
// history is written through the store, as the feed would: one segment for each quarter of a MiB.

const ROUNDS = 5
const MIB = 2 ** 20
const SEARCHED = 100 * MIB
const PAGED = 1024 * MIB
const SEGMENT = 256 * 1024
const BATCH_LINES = 16
const NEEDLE = 'the needle in the haystack'

const NAMES = ['mira', 'jonas', 'Sgt. Pepper', 'x_killer_x', 'anna', 'observer', 'Tom', 'grün']
const ACTIONS = [
  'joined the game',
  'left the game (timeout)',
  'was fragged by',
  'picked up the red flag',
  'said: gg',
  'changed team to blue',
]

/** Lines as games print them: a time, names, numbers that differ. Seeded, so that every run has the same. */
function createLog() {
  let state = 42
  const random = (most: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % most
  }
  let line = 0
  return () => {
    line += 1
    const second = Math.floor(line / 20)
    const clock = [second / 3600, (second / 60) % 60, second % 60].map((part) => String(Math.floor(part)).padStart(2, '0')).join(':')
    const text = `[2026-01-01 ${clock}][game]: ${NAMES[random(8)] ?? ''} ${ACTIONS[random(6)] ?? ''} at (${String(random(9999))}, ${String(random(9999))}) ping=${String(random(300))}ms id=${String(random(2 ** 24))}`
    return line === 1000 ? `${text} ${NEEDLE}\n` : `${text}\n`
  }
}

const since = (start: number) => performance.now() - start

const rig = await startRig()
const folder = mkdtempSync(path.join(tmpdir(), 'catalyst-store-'))
const db = createDatabase(rig.databaseUrl, { warn: () => undefined } as unknown as Parameters<typeof createDatabase>[1], () => undefined)
const results: BenchResult[] = []
const add = (result: BenchResult) => {
  process.stdout.write(`${describeResult(result)}\n`)
  results.push(result)
}
try {
  const store = createConsoleStore(db, () => performance.now())
  const log = path.join(folder, 'console.log')
  writeFileSync(log, '')
  const nextLine = createLog()
  let position = await store.end(rig.serverId)
  const start = position
  let at = Date.UTC(2026, 0, 1)
  const bytesOnDisk = async () => {
    await db.pool.query('vacuum analyze "ConsoleSegment"')
    const { rows } = await db.pool.query<{ bytes: string }>(`select pg_total_relation_size('"ConsoleSegment"') as bytes`)
    return Number(rows[0]?.bytes)
  }
  const write = async (bytes: number) => {
    for (const end = position + bytes; position < end;) {
      const pieces = []
      const from = position
      while (position - from < SEGMENT) {
        const batch = Buffer.from(Array.from({ length: BATCH_LINES }, nextLine).join(''))
        const runId = '018bcfe5-6800-7000-8000-000000000001'
        pieces.push({ kind: 'OUTPUT' as const, from: position, to: position + batch.length, runId, at, actor: null, bytes: batch })
        position += batch.length
        at += 16
      }
      await store.append(rig.serverId, pieces)
      if (position - start <= SEARCHED) appendFileSync(log, Buffer.concat(pieces.map((piece) => piece.bytes)))
    }
  }
  const empty = await bytesOnDisk()
  await write(SEARCHED)
  const written = (await bytesOnDisk()) - empty
  execFileSync('zstd', ['-3', '-q', '-f', log, '-o', `${log}.zst`])
  const zstd = { name: 'zstd -3', samples: [statSync(`${log}.zst`).size / MIB] }
  add(figureResult('console-store: bytes in the database for 100 MiB, as written', 'MiB', [written / MIB], 1.3, zstd))
  await createConsoleRetention({ db, now: () => new Date(at) }).pruneConsoles()
  await db.pool.query('vacuum full "ConsoleSegment"')
  const merged = (await bytesOnDisk()) - empty
  add(figureResult('console-store: the same, merged and without what was replaced', 'MiB', [merged / MIB], 1.3, zstd))
  // The api has looked at the console before all this was written behind its back.
  await rig.restartApi()

  const search = async (argument: string) => {
    let before: number | null = null
    for (;;) {
      const query = `query ($id: ID!, $before: SafeInt) { searchConsole(serverId: $id, ${argument}, before: $before) { nodes { text } pageInfo { endCursor hasNextPage } } }`
      type Answer = { searchConsole: { nodes: object[]; pageInfo: { endCursor: number; hasNextPage: boolean } } }
      const { searchConsole }: Answer = await rig.client.query<Answer>(query, { id: rig.serverId, before })
      if (!searchConsole.pageInfo.hasNextPage) return
      before = searchConsole.pageInfo.endCursor
    }
  }
  for (const [name, argument, grep] of [
    ['text', `text: "${NEEDLE}"`, ['-F', NEEDLE]],
    ['regex', 'regex: "needle in the h[a-z]+k$"', ['-E', 'needle in the h[a-z]+k$']],
  ] as const) {
    const times = { ours: [] as number[], grep: [] as number[] }
    for (let round = 0; round < ROUNDS; round += 1) {
      let began = performance.now()
      await search(argument)
      times.ours.push(since(began))
      began = performance.now()
      execFileSync('sh', ['-c', 'zstdcat "$0" | LC_ALL=C.UTF-8 grep -c "$1" "$2"', `${log}.zst`, ...grep])
      times.grep.push(since(began))
    }
    const result = figureResult(`console-store: search of 100 MiB for a ${name}`, 'ms', times.ours, null, {
      name: 'zstdcat | grep',
      samples: times.grep,
    })
    add({ ...result, goal: 1000, ok: result.figure <= 1000 })
  }

  await write(PAGED - SEARCHED)
  await rig.restartApi()
  const pages: number[] = []
  const alongside: number[] = []
  for (let round = 0; round < ROUNDS * 4; round += 1) {
    const before = start + Math.floor(((round + 1) / (ROUNDS * 4)) * (position - start))
    let began = performance.now()
    await rig.client.query(
      'query ($id: ID!, $before: SafeInt) { console(serverId: $id, before: $before, lines: 1000) { nodes { from ... on ConsoleChunk { text } } } }',
      {
        id: rig.serverId,
        before,
      },
    )
    pages.push(since(began))
    if (round % 4 > 0) continue
    began = performance.now()
    execFileSync('sh', ['-c', 'zstdcat "$0" | tail -n 1000 > /dev/null', `${log}.zst`])
    alongside.push(since(began))
  }
  const page = figureResult('console-store: a page of 1000 lines out of 1 GiB', 'ms', pages, null, {
    name: 'zstdcat | tail of 100 MiB',
    samples: alongside,
  })
  add({ ...page, goal: 50, ok: page.figure <= 50 })
} finally {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
  await rig.dispose()
}
process.stdout.write(`${JSON.stringify(results)}\n`)
