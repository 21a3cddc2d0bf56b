import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
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
  consolePosition: 17,
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
    limits: { memoryMiB: 64, cpuPercent: 100, diskMiB: 64, pids: 32 },
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
      store.addCommand(command(id))
      store.journal.addRun(id, { number: 1, runId: 'r', base: 0, size: null })
      store.journal.addInsert(id, 1, { fileOffset: 0, kind: 'NOTICE', actor: null, at: new Date(0).toISOString(), text: 'x' })
    }
    store.removeServer('a')
    expect(store.servers().map(({ id }) => id)).toEqual(['b'])
    expect(store.openCommands().map(({ serverId }) => serverId)).toEqual(['b'])
    expect(store.journal.runs('a')).toEqual([])
    expect(store.journal.inserts('a', 1)).toEqual([])
    expect(store.journal.runs('b')).toHaveLength(1)
    expect(store.journal.inserts('b', 1)).toHaveLength(1)
  })

  it('keeps inserts in the order in which they were made', () => {
    for (const text of ['one', 'two', 'three'])
      store.journal.addInsert('a', 1, { fileOffset: 7, kind: 'INPUT', actor: 'Ada', at: new Date(0).toISOString(), text })
    reopen()
    expect(store.journal.inserts('a', 1).map(({ text }) => text)).toEqual(['one', 'two', 'three'])
  })
})
