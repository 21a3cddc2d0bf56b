import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { watchReady, type ReadyWatch } from './run-watch.ts'

const RULE = { text: 'ready', regex: null, timeoutSeconds: 60 }

let folder: string
let file: string
let watch: ReadyWatch | null = null

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-ready-'))
  file = path.join(folder, 'run.log')
  writeFileSync(file, '')
})

afterEach(() => {
  watch?.close()
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

const seen = (rule: Parameters<typeof watchReady>[1]) => {
  const answers: boolean[] = []
  watch = watchReady(file, rule, (wasSeen) => answers.push(wasSeen))
  return answers
}

describe('watchReady', () => {
  it('finds a text that was there before, and one that comes in pieces', async () => {
    writeFileSync(file, 'loading\nrea')
    const answers = seen(RULE)
    expect(answers).toEqual([])
    appendFileSync(file, 'dy\n')
    await expect.poll(() => answers).toEqual([true])
  })

  it('reads far more than one look takes, a bit at a time', async () => {
    writeFileSync(file, `${'x'.repeat(4 * 2 ** 20)}\nready\n`)
    const answers = seen(RULE)
    // The first look is over and has not read it all.
    expect(answers).toEqual([])
    await expect.poll(() => answers, { timeout: 5000 }).toEqual([true])
  })

  it('takes a game without a rule as running after two seconds, and one that says nothing after its time', () => {
    vi.useFakeTimers()
    const answers = seen(null)
    vi.advanceTimersByTime(1999)
    expect(answers).toEqual([])
    vi.advanceTimersByTime(1)
    expect(answers).toEqual([true])
    const silent = seen({ ...RULE, timeoutSeconds: 5 })
    vi.advanceTimersByTime(5000)
    expect(silent).toEqual([false])
  })

  it('does not mind that the file is removed', async () => {
    const answers = seen(RULE)
    rmSync(file)
    await new Promise((resolve) => setImmediate(resolve))
    expect(answers).toEqual([])
  })
})
