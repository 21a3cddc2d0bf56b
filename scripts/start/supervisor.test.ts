import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive, readPid } from './pid-file.ts'
import { supervise, type Part } from './supervisor.ts'

let folder: string
let said: string[]
let parts: Part[]
let listeners: { includes: string; resolve: () => void }[]

function say(text: string): void {
  said.push(text)
  for (const { resolve } of listeners.filter((listener) => text.includes(listener.includes))) resolve()
}

function hearing(includes: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  listeners.push({ includes, resolve })
  return promise
}

async function start(source: string): Promise<Part> {
  const script = path.join(folder, 'part.mjs')
  writeFileSync(script, source)
  const part = await supervise({ name: 'part', script, env: process.env, dataDir: folder, say })
  parts.push(part)
  return part
}

const pidFile = () => path.join(folder, 'run', 'part.pid')
const currentPid = () => readPid(pidFile(), 'part.mjs') ?? 0

/** Ready at once, alive until a signal. */
const READY = "process.send('ready'); setInterval(() => {}, 1000);"

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-supervisor-'))
  mkdirSync(path.join(folder, 'run'))
  mkdirSync(path.join(folder, 'logs'))
  said = []
  parts = []
  listeners = []
})

afterEach(async () => {
  await Promise.all(parts.map((part) => part.stop()))
  rmSync(folder, { recursive: true })
})

test('a part that dies is started again, and that is said', async () => {
  const counter = path.join(folder, 'starts')
  const part = await start(
    `import fs from 'node:fs'; fs.appendFileSync(${JSON.stringify(counter)}, 'x'); console.log('hello');
     if (fs.readFileSync(${JSON.stringify(counter)}).length > 1) process.kill(process.ppid, 'SIGWINCH'); ${READY}`,
  )
  await part.ready
  const first = currentPid()
  const again = Promise.withResolvers<void>()
  process.once('SIGWINCH', () => {
    again.resolve()
  })
  process.kill(first, 'SIGKILL')
  await again.promise
  expect(said).toEqual(['part ended (SIGKILL); starting it again in 0.25 s'])
  expect(currentPid()).not.toBe(first)
  expect(readFileSync(path.join(folder, 'logs', 'part.log'), 'utf8')).toBe('hello\nhello\n')
})

test('a part that never gets ready is given up after three tries, with the name of its log', async () => {
  const part = await start('process.exit(7)')
  await expect(part.ready).rejects.toThrow(/ended three times \(exit status 7\).*part\.log/)
  expect(said.at(-1)).toContain('0.5 s')
})

test('a part that had become ready is back after a second at most, however often it dies', async () => {
  const part = await start("process.send('ready', () => process.exit(3))")
  await part.ready
  await expect.poll(() => said.length, { timeout: 10_000 }).toBe(5)
  expect(said.map((text) => / in (.+) s$/.exec(text)?.[1])).toEqual(['0.25', '0.5', '1', '1', '1'])
})

test('a stop waits for the end, keeps it from starting again and may be repeated', async () => {
  const part = await start(`process.on('SIGTERM', () => setTimeout(() => process.exit(0), 100)); ${READY}`)
  await part.ready
  const pid = currentPid()
  await Promise.all([part.stop(), part.stop()])
  expect(isAlive(pid)).toBe(false)
  expect(said).toEqual([])
  expect(currentPid()).toBe(0)
})

test('a stop during the wait before a restart cancels it', async () => {
  const heard = hearing('starting it again')
  const part = await start('process.exit(1)')
  part.ready.catch(() => undefined)
  await heard
  await part.stop()
  expect(currentPid()).toBe(0)
})

test('what a killed supervisor left running is stopped before the part is started', async () => {
  const first = await start(READY)
  await first.ready
  const left = currentPid()
  // The second one stands for the next supervisor: it finds the pid file of the first.
  const second = await start(READY)
  await second.ready
  expect(isAlive(left)).toBe(false)
  expect(currentPid()).not.toBe(left)
})
