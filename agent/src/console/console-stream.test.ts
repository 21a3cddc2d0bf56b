import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore, type Store } from '../state/store.ts'
import { createConsoleStream, type ConsolePart, type ConsoleStream } from './console-stream.ts'

let folder: string
let store: Store

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'catalyst-console-'))
  store = openStore({ file: path.join(folder, 'store.db'), uids: { first: 1, last: 9 } })
})

afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true })
})

const now = () => new Date(0)
const open = (start = 0): ConsoleStream =>
  createConsoleStream({ serverId: 'one', folder: path.join(folder, 'logs'), journal: store.journal, start, now })
const textOf = (parts: ConsolePart[]) =>
  parts
    .map((part) => part.text ?? (part.base64 === null ? `<${String(part.bytes)}>` : Buffer.from(part.base64, 'base64').toString('latin1')))
    .join('')

describe('a console stream', () => {
  it('has the same bytes at the same positions after a restart of the agent', () => {
    const first = open()
    const { logPath } = first.beginRun('r1')
    appendFileSync(logPath, 'hello\n')
    first.insert('INPUT', 'status\n', 'mira')
    appendFileSync(logPath, 'answer\n')
    first.insert('NOTICE', 'note\n', null)
    appendFileSync(logPath, 'end\n')
    first.endRun()
    const run2 = first.beginRun('r2')
    appendFileSync(run2.logPath, 'again\n')
    const whole = textOf(first.read(0, 10_000, true))
    expect(whole).toBe('hello\nstatus\nanswer\nnote\nend\nagain\n')

    const second = open()
    expect(second.end()).toBe(first.end())
    for (let from = 0; from < whole.length; from += 1) expect(textOf(second.read(from, 10_000, true))).toBe(whole.slice(from))
  })

  it('never cuts a character, and gives raw bytes for what is none', () => {
    const stream = open()
    const { logPath } = stream.beginRun('r1')
    appendFileSync(logPath, Buffer.from([0x61, 0xe2, 0x82]))
    expect(textOf(stream.read(0, 100, false))).toBe('a')
    appendFileSync(logPath, Buffer.from([0xac, 0x0a]))
    expect(textOf(stream.read(1, 100, false))).toBe('€\n')
    appendFileSync(logPath, Buffer.from([0xff, 0x0a]))
    const [raw] = stream.read(5, 100, false)
    expect(raw).toMatchObject({ text: null, base64: Buffer.from([0xff, 0x0a]).toString('base64'), bytes: 2 })
  })

  it('says what is missing with its size', async () => {
    const stream = open(100)
    expect(stream.end()).toBe(100)
    expect(stream.read(40, 100, true)).toMatchObject([{ kind: 'GAP', bytes: 60 }])
    const { logPath } = stream.beginRun('r1')
    appendFileSync(logPath, 'one\n')
    stream.endRun()
    stream.beginRun('r2')
    await stream.release(104)
    expect(stream.read(100, 100, true)).toMatchObject([{ kind: 'GAP', bytes: 4 }])
    expect(open().end()).toBe(104)
  })

  it('reads in pieces of the size that is asked for', () => {
    const stream = open()
    const { logPath } = stream.beginRun('r1')
    appendFileSync(logPath, 'x'.repeat(1000))
    const parts = stream.read(0, 300, false)
    expect(parts.reduce((total, part) => total + part.bytes, 0)).toBe(300)
  })

  it('gives up what was not given out, as a gap of the same size that stays what it is', async () => {
    const stream = open()
    const { logPath } = stream.beginRun('r1')
    const lines = Array.from({ length: 40_000 }, (_, index) => `line ${String(index)} ü\n`).join('')
    appendFileSync(logPath, lines)
    const [first] = stream.read(0, 1000, false)
    const size = await stream.cut(1000, 50_000)
    expect(size).toBeGreaterThan(300_000)
    const parts = stream.read(first!.bytes, 10_000_000, false)
    expect(parts.map(({ kind, gapReason }) => gapReason ?? kind)).toEqual(['OUTPUT', 'FLOOD', 'OUTPUT'])
    expect(parts[1]!.bytes).toBe(size)
    expect(parts.reduce((total, part) => total + part.bytes, first!.bytes)).toBe(Buffer.byteLength(lines))
    // Whole lines before and after.
    expect(parts[0]!.text?.endsWith('\n')).toBe(true)
    expect(lines.endsWith(parts[2]!.text ?? '')).toBe(true)
    expect(parts[2]!.text?.startsWith('line ')).toBe(true)

    // An insert inside of the live run, another cut and a restart change nothing of it.
    stream.insert('INPUT', 'status\n', 'mira')
    appendFileSync(logPath, lines)
    await stream.cut(0, 50_000)
    const before = textOf(stream.read(0, 10_000_000, false))
    expect(textOf(open().read(0, 10_000_000, false))).toBe(before)
  })

  it('gives out no more of the game than it is granted', () => {
    const stream = open()
    const { logPath } = stream.beginRun('r1')
    appendFileSync(logPath, 'abcd\nefgh\n')
    stream.grant(5)
    expect(textOf(stream.read(0, 100, false))).toBe('abcd\n')
    expect(stream.read(5, 100, false)).toEqual([])
    stream.grant(Infinity)
    expect(textOf(stream.read(5, 100, false))).toBe('efgh\n')
    // What is given again counts once.
    stream.read(0, 100, false)
    expect(stream.given()).toEqual({ lines: 2, bytes: 10 })
  })
})
