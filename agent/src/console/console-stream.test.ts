import { appendFileSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore, type Store } from '../state/store.ts'
import { createConsoleStream, type ConsolePart, type ConsoleStream } from './console-stream.ts'
import { createFloodGuard } from './flood-guard.ts'

let folder: string
let store: Store

beforeEach(() => {
  seconds = 0
  folder = mkdtempSync(path.join(os.tmpdir(), 'catalyst-console-'))
  store = openStore({ file: path.join(folder, 'store.db'), uids: { first: 1, last: 9 } })
})

afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true })
})

/** What the clock is corrected by. */
const OFFSET_MS = 3_600_000
let seconds: number
const open = (start = 0): ConsoleStream =>
  createConsoleStream({
    serverId: 'one',
    folder: path.join(folder, 'logs'),
    journal: store.journal,
    start,
    now: () => new Date(seconds * 1000),
    correctTime: (at) => new Date(at.getTime() + OFFSET_MS),
    monotonicMs: () => seconds * 1000,
  })
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
    const size = await stream.cut(0, { head: 1000, tail: 50_000 })
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
    await stream.cut(0, { head: 0, tail: 50_000 })
    const before = textOf(stream.read(0, 10_000_000, false))
    expect(textOf(open().read(0, 10_000_000, false))).toBe(before)
  })

  it('keeps what was written before a flood, however long the api is away', async () => {
    const stream = open()
    const guard = createFloodGuard(stream, () => seconds * 1000)
    const { logPath } = stream.beginRun('r1')
    const look = async (text: string) => {
      seconds += 1
      appendFileSync(logPath, text)
      await guard.look({ linesPerSecond: 20_000, bytesPerSecond: 64 * 1024 }, 0.5)
    }
    let quiet = ''
    for (let line = 0; line < 60; line += 1) {
      const text = `quiet ${String(line)} ${'x'.repeat(2000)}\n`
      quiet += text
      await look(text)
    }
    for (let round = 0; round < 30; round += 1) await look('flood flood flood\n'.repeat(20_000))
    stream.grant(Infinity)
    const parts = stream.read(0, 10_000_000, false)
    expect(parts.filter(({ kind }) => kind === 'GAP').map(({ gapReason }) => gapReason)).toEqual(['FLOOD'])
    const before = textOf(
      parts.slice(
        0,
        parts.findIndex(({ kind }) => kind === 'GAP'),
      ),
    )
    expect(quiet.startsWith(before)).toBe(true)
    expect(before).toContain('quiet 49 ')
  })

  it('tells when something was written, whenever it is read', async () => {
    const stream = open()
    const { logPath } = stream.beginRun('r1')
    const write = (text: string) => {
      seconds += 1
      appendFileSync(logPath, text)
      stream.noteTime()
    }
    write('first\n')
    stream.insert('INPUT', 'status\n', 'mira')
    write('half a line, ')
    for (seconds = 100; seconds < 600;) write(`line at ${String(seconds + 1)}\n`)
    seconds = 700
    appendFileSync(logPath, 'newest\n')
    const parts = stream.read(0, 100_000, false)
    const told = parts.map(({ at, text }) => [Date.parse(at) / 1000, text])
    expect(told.slice(0, 3)).toEqual([
      [1, 'first\n'],
      [1, 'status\n'],
      [2, 'half a line, '],
    ])
    expect(told.at(-1)).toEqual([700, 'newest\n'])
    for (const [at, text] of told.slice(3, -1)) expect(text).toMatch(new RegExp(`^line at ${String(at)}\n`))
    // A second read tells the same, and what the api has is forgotten.
    seconds = 701
    expect(stream.read(0, 100_000, false).slice(0, -1)).toEqual(parts.slice(0, -1))
    await stream.release(stream.end() - 4)
    expect(stream.read(stream.end() - 4, 100, false)).toMatchObject([{ text: 'est\n', at: new Date(701_000).toISOString() }])
  })

  it('gives what is read while it is written one time, in one part', () => {
    const stream = open()
    const { logPath } = stream.beginRun('r1')
    seconds = 10
    appendFileSync(logPath, 'one\n')
    stream.noteTime()
    seconds = 10.5
    appendFileSync(logPath, 'two\n')
    expect(stream.read(0, 100, false)).toMatchObject([{ text: 'one\ntwo\n', at: new Date(10_000).toISOString() }])
  })

  it('never cuts a character for its time', () => {
    const stream = open()
    const { logPath } = stream.beginRun('r1')
    for (const byte of Buffer.from('€ä€\n')) {
      seconds += 10
      appendFileSync(logPath, Buffer.from([byte]))
      stream.noteTime()
    }
    const parts = stream.read(0, 100, false)
    expect(textOf(parts)).toBe('€ä€\n')
    expect(parts.every(({ base64 }) => base64 === null)).toBe(true)
  })

  it('knows under the next agent when the file was written last', () => {
    const { logPath } = open().beginRun('r1')
    appendFileSync(logPath, 'from before\n')
    utimesSync(logPath, 1000, 1000)
    seconds = 20_000
    expect(open().read(0, 100, false)).toMatchObject([{ at: new Date(1_000_000 + OFFSET_MS).toISOString() }])
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
