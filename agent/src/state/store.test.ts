import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore, type Store } from './store.ts'
import type { Assignment, CommandRecord } from './records.ts'

let folder: string
let store: Store
const open = (uids = { first: 200_000, last: 200_002 }) => openStore({ file: path.join(folder, 'store.db'), uids })

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-store-'))
  store = open()
})

afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const assignment = (serverId: string): Assignment => ({
  serverId,
  generation: 1,
  desiredState: 'STOPPED',
  isRemoved: false,
  isInstalled: false,
  isKill: false,
  consolePosition: 17,
  flood: null,
  spec: {
    name: 'Arena',
    slug: 'abcdefgh',
    image: { packages: [], remove: [], keep: [] },
    startup: ['/game'],
    environment: [],
    workingDirectory: '/data',
    readOnlyRoot: true,
    ready: null,
    stop: { command: null, signal: 'SIGTERM', timeoutSeconds: 10 },
    restart: { policy: 'ON_FAILURE', cleanExitCodes: [0], maximumRestarts: 5, windowSeconds: 600 },
    bootPolicy: 'RESTORE',
    limits: { memoryMiB: 64, cpuPercent: 100, cpuset: '', diskMiB: 64, pids: 32 },
    ports: [],
    install: null,
  },
})

const command = (serverId: string): CommandRecord => ({
  id: randomUUID(),
  serverId,
  kind: 'KILL',
  generation: 1,
  consoleInput: null,
  actor: 'Ada',
  installationId: null,
  receivedAt: new Date(0).toISOString(),
})

function reopen(): void {
  store.close()
  store = open()
}

describe('openStore', () => {
  it('keeps its id, the node and the servers', () => {
    const { id } = store
    store.setNodeId('node')
    const record = store.addServer(assignment('a'))
    store.saveServer({ ...record, state: 'RUNNING', sequence: 5 })
    reopen()
    expect(store.id).toBe(id)
    expect(store.nodeId()).toBe('node')
    expect(store.servers()).toEqual([{ ...record, state: 'RUNNING', sequence: 5 }])
    expect(store.server('b')).toBeNull()
  })

  it('gives each server a user of its own, and one that was removed back', () => {
    expect(['a', 'b', 'c'].map((id) => store.addServer(assignment(id)).uid)).toEqual([200_000, 200_001, 200_002])
    expect(() => store.addServer(assignment('d'))).toThrow('no user id left')
    store.removeServer('b')
    expect(store.addServer(assignment('d')).uid).toBe(200_001)
  })

  it('knows a command again, and keeps its first result until it is accepted', () => {
    store.addServer(assignment('a'))
    const [first, second] = [command('a'), command('a')]
    expect(store.addCommand(first)).toBe(true)
    expect(store.addCommand(second)).toBe(true)
    expect(store.addCommand(first)).toBe(false)
    const result = { commandId: first.id, status: 'DONE' as const, errorCode: null, error: null }
    store.finishCommand(result)
    store.finishCommand({ ...result, status: 'FAILED' })
    reopen()
    expect(store.openCommands()).toEqual([second])
    expect(store.result(first.id)).toEqual(result)
    expect(store.unacceptedResults()).toEqual([result])
    store.acceptResults([first.id])
    expect(store.unacceptedResults()).toEqual([])
    expect(store.addCommand(first)).toBe(false)
  })

  it('forgets a server whole', () => {
    store.addServer(assignment('a'))
    store.addServer(assignment('b'))
    for (const id of ['a', 'b']) {
      store.setDiskBytes(id, 4096)
      store.addCommand(command(id))
      store.journal.addRun(id, { number: 1, runId: 'r', base: 0, size: null })
      store.journal.addInsert(id, 1, { fileOffset: 0, kind: 'NOTICE', actor: null, at: new Date(0).toISOString(), text: 'x' })
    }
    store.removeServer('a')
    store.setDiskBytes('a', 4096)
    expect(store.diskBytes('a')).toBeNull()
    expect(store.diskBytes('b')).toBe(4096)
    expect(store.servers().map(({ id }) => id)).toEqual(['b'])
    expect(store.openCommands().map(({ serverId }) => serverId)).toEqual(['b'])
    expect(store.journal.runs('a')).toEqual([])
    expect(store.journal.inserts('a', 1)).toEqual([])
    expect(store.journal.runs('b')).toHaveLength(1)
    expect(store.journal.inserts('b', 1)).toHaveLength(1)
  })

  it('keeps the newest measured disk of a server', () => {
    store.addServer(assignment('a'))
    expect(store.diskBytes('a')).toBeNull()
    for (const bytes of [4096, 2 ** 40]) store.setDiskBytes('a', bytes)
    reopen()
    expect(store.diskBytes('a')).toBe(2 ** 40)
  })

  it('keeps inserts in the order in which they were made', () => {
    for (const text of ['one', 'two', 'three'])
      store.journal.addInsert('a', 1, { fileOffset: 7, kind: 'INPUT', actor: 'Ada', at: new Date(0).toISOString(), text })
    reopen()
    expect(store.journal.inserts('a', 1).map(({ text }) => text)).toEqual(['one', 'two', 'three'])
  })

  it('stores a record with what happened and what it answers, or nothing of it', () => {
    const record = store.addServer(assignment('a'))
    const order = command('a')
    store.addCommand(order)
    const happened = { serverId: 'a', at: new Date(0).toISOString(), kind: 'STARTED' as const, runId: 'r' }
    store.saveServer({ ...record, state: 'RUNNING' }, [happened], [{ commandId: order.id, status: 'DONE', errorCode: null, error: null }])
    reopen()
    expect(store.server('a')?.state).toBe('RUNNING')
    expect(store.outbox.events(10)).toEqual([{ ...happened, sequence: 1 }])
    expect(store.result(order.id)?.status).toBe('DONE')

    const unstorable = { ...happened, runId: 1n } as never
    expect(() => {
      store.saveServer({ ...record, state: 'CRASHED' }, [unstorable])
    }).toThrow()
    expect(store.server('a')?.state).toBe('RUNNING')
    expect(store.outbox.events(10)).toHaveLength(1)
  })

  it('drops what happened to a server that is gone', () => {
    const record = store.addServer(assignment('a'))
    store.saveServer(record, [{ serverId: 'a', at: new Date(0).toISOString(), kind: 'STARTED' }])
    store.saveServer({ ...record, isRemoved: true })
    expect(store.outbox.events(10)).toEqual([])
  })

  it('gives a result again that was accepted, when it is asked for', () => {
    const order = command('a')
    store.addCommand(order)
    store.repeatResult(order.id)
    expect(store.unacceptedResults()).toEqual([])
    store.finishCommand({ commandId: order.id, status: 'DONE', errorCode: null, error: null })
    store.acceptResults([order.id])
    store.repeatResult(order.id)
    expect(store.unacceptedResults()).toHaveLength(1)
  })

  it('begins a boot without what was known of the clock in the last one', () => {
    expect(store.bootId()).toBeNull()
    store.setClockOffset(5000)
    store.setBootId('first')
    expect(store.clockOffset()).toBe(0)
    store.setClockOffset(7000)
    reopen()
    expect([store.bootId(), store.clockOffset()]).toEqual(['first', 7000])
  })
})

describe('a store of another version', () => {
  const change = (sql: string) => {
    const database = new DatabaseSync(path.join(folder, 'store.db'))
    database.exec(sql)
    database.close()
  }

  it('that is older is read: what its servers lack is what that agent did', () => {
    const { spec, ...rest } = assignment('a')
    const { restart: _restart, bootPolicy: _bootPolicy, ...oldSpec } = spec
    const old = {
      id: 'a',
      uid: 200_000,
      assignment: { ...rest, generation: 4, spec: oldSpec },
      state: 'RUNNING',
      startsAgain: false,
      sequence: 9,
      settledGeneration: 0,
      isInstalled: true,
      isRemoved: false,
      problem: null,
      lastExit: null,
      runId: 'r',
      runningSince: new Date(0).toISOString(),
      acknowledged: 17,
    }
    store.close()
    change(
      `insert into server values ('a', 200000, '${JSON.stringify(old)}'); drop table event; drop table sample; pragma user_version = 0`,
    )
    store = open()
    expect(store.server('a')).toMatchObject({
      ...old,
      assignment: { generation: 4, spec: { restart: { policy: 'NEVER' }, bootPolicy: 'RESTORE' } },
      startedGeneration: 4,
      pendingExit: null,
      restart: null,
      restarts: [],
      run: null,
      installation: null,
    })
    expect(store.outbox.events(1)).toEqual([])
    expect(store.sampleSeconds()).toBeNull()
  })

  it('that is newer is refused, and left as it is', () => {
    store.close()
    change('pragma user_version = 3')
    expect(() => open()).toThrow('was written by a newer agent (store version 3)')
    change('pragma user_version = 2')
    store = open()
  })
})
