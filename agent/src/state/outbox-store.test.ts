import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServerSample } from '../metrics/sampler.ts'
import { createOutbox, OUTBOX_SCHEMA, type Outbox } from './outbox-store.ts'

let folder: string
let database: DatabaseSync
let outbox: Outbox

function open(): void {
  database = new DatabaseSync(path.join(folder, 'store.db'))
  database.exec(OUTBOX_SCHEMA)
  outbox = createOutbox(database, { events: 3, samples: 4, nodeSamples: 3 })
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-outbox-'))
  open()
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

function reopen(): void {
  database.close()
  open()
}

const event = (serverId: string, code: number) => ({ serverId, at: new Date(code).toISOString(), kind: 'EXITED' as const, code })
const sample = (serverId: string, second: number): ServerSample => ({
  serverId,
  at: new Date(second * 1000).toISOString(),
  cpuPercent: 1,
  memoryBytes: 2,
  memoryLimitBytes: 3,
  diskBytes: 4,
  diskReadBytesPerSecond: 0,
  diskWriteBytesPerSecond: 0,
  networkRxBytesPerSecond: 5,
  networkTxBytesPerSecond: 6,
  processCount: 7,
})
const codes = () => outbox.events(10).map(({ code }) => code)
const seconds = () => outbox.samples(10).map((entry) => Date.parse(entry.sample.at) / 1000)

describe('events', () => {
  it('are kept in order until they are accepted, and no number is given twice', () => {
    outbox.addEvent(event('a', 1))
    outbox.addEvent(event('b', 2))
    reopen()
    expect(outbox.events(1)).toEqual([{ ...event('a', 1), sequence: 1 }])
    outbox.acceptEvents(2)
    expect(outbox.events(10)).toEqual([])
    reopen()
    outbox.addEvent(event('a', 3))
    expect(outbox.events(10)).toMatchObject([{ code: 3, sequence: 3 }])
  })

  it('are bounded: the oldest go', () => {
    for (const code of [1, 2, 3, 4, 5]) outbox.addEvent(event('a', code))
    expect(codes()).toEqual([3, 4, 5])
  })
})

describe('samples', () => {
  it('are kept in order until they are accepted', () => {
    expect(outbox.addSamples([sample('a', 1), sample('b', 1)])).toBe(0)
    expect(outbox.addSamples([sample('a', 2)])).toBe(0)
    reopen()
    const [first, second] = outbox.samples(2)
    expect([first?.sample, second?.sample]).toEqual([sample('a', 1), sample('b', 1)])
    outbox.acceptSamples(second?.position ?? 0)
    expect(seconds()).toEqual([2])
  })

  it('are bounded, and it is told how many went', () => {
    expect(outbox.addSamples([1, 2, 3].map((second) => sample('a', second)))).toBe(0)
    expect(outbox.addSamples([4, 5, 6].map((second) => sample('a', second)))).toBe(2)
    expect(seconds()).toEqual([3, 4, 5, 6])
  })
})

it('forgets one server', () => {
  outbox.addEvent(event('a', 1))
  outbox.addEvent(event('b', 2))
  outbox.addSamples([sample('a', 1), sample('b', 2)])
  outbox.forgetServer('a')
  expect(codes()).toEqual([2])
  expect(seconds()).toEqual([2])
})
