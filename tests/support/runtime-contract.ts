import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { StdinClosedError, WorkloadNotFoundError } from '../../agent/src/runtime/runtime-errors.ts'
import type { RunHandle, Runtime, WorkloadSpec } from '../../agent/src/runtime/runtime.ts'

/** A runtime under test with games that behave as named. */
export type RuntimeUnderTest = {
  runtime: Runtime
  /** Writable folder for logs and FIFOs. */
  folder: string
  /**
   * A workload that prints `hello`, repeats each line it reads as `echo <line>`, ends with 0 on `quit`, with 7 on `fail`.
   * `stubborn` ones end only by SIGKILL.
   */
  specOf(id: string, kind: 'polite' | 'stubborn'): WorkloadSpec
  dispose(): Promise<void>
}

/** What every runtime promises, told as tests; call it inside a `describe`. */
export function testRuntimeContract(make: () => Promise<RuntimeUnderTest>): void {
  let tested: RuntimeUnderTest
  let runtime: Runtime

  beforeAll(async () => {
    tested = await make()
    runtime = tested.runtime
  })
  afterAll(() => tested.dispose())

  const placesOf = (id: string) => ({ logPath: path.join(tested.folder, `${id}.log`), stdinPath: path.join(tested.folder, `${id}.stdin`) })
  const logOf = (id: string) => readFileSync(placesOf(id).logPath, 'utf8')

  async function launch(id: string, kind: 'polite' | 'stubborn' = 'polite'): Promise<RunHandle> {
    await runtime.prepare(tested.specOf(id, kind))
    return start(id)
  }
  async function start(id: string): Promise<RunHandle> {
    writeFileSync(placesOf(id).logPath, '', { mode: 0o600 })
    const run = await runtime.start(id, placesOf(id))
    await expect.poll(() => logOf(id)).toContain('hello\n')
    return run
  }
  const statusOf = async (id: string) => (await runtime.list()).find((workload) => workload.id === id)?.run

  it('describes itself', async () => {
    const info = await runtime.describe()
    expect(info.name).not.toBe('')
    expect([1, 2]).toContain(info.cgroupVersion)
  })

  it('runs a game: output, input, exit code, and again in the same workload', async () => {
    const id = `a-${randomUUID()}`
    const first = await launch(id)
    expect(await statusOf(id)).toEqual({ state: 'running', pid: first.pid })
    await first.writeStdin(Buffer.from('one\ntwo\n'))
    await expect.poll(() => logOf(id)).toContain('echo one\necho two\n')
    await first.writeStdin(Buffer.from('quit\n'))
    expect(await first.exited).toMatchObject({ code: 0, outOfMemory: false })
    expect(await statusOf(id)).toMatchObject({ state: 'exited', exit: { code: 0 } })
    await expect(first.writeStdin(Buffer.from('x\n')).then(() => first.writeStdin(Buffer.from('x\n')))).rejects.toThrow(StdinClosedError)

    expect(await runtime.collect(id)).toMatchObject({ code: 0 })
    expect(await runtime.collect(id)).toBeNull()
    expect(await statusOf(id)).toEqual({ state: 'none' })

    const second = await start(id)
    expect(second.pid).not.toBe(first.pid)
    await runtime.signal(id, 'SIGTERM')
    expect(await second.exited).toMatchObject({ code: 143 })
    await runtime.remove(id)
  })

  it('starts once: a second start gives the live run', async () => {
    const id = `b-${randomUUID()}`
    const run = await launch(id)
    const again = await runtime.start(id, placesOf(id))
    expect(again.pid).toBe(run.pid)
    await runtime.prepare(tested.specOf(id, 'polite'))
    expect(await statusOf(id)).toEqual({ state: 'running', pid: run.pid })
    await runtime.remove(id)
  })

  it('kills what does not stop, and a signal to what has ended is no error', async () => {
    const id = `c-${randomUUID()}`
    const run = await launch(id, 'stubborn')
    await runtime.signal(id, 'SIGTERM')
    await run.writeStdin(Buffer.from('quit\n'))
    expect(await statusOf(id)).toMatchObject({ state: 'running' })
    await runtime.signal(id, 'SIGKILL')
    expect(await run.exited).toMatchObject({ code: 137 })
    await runtime.signal(id, 'SIGTERM')
    await runtime.collect(id)
    await runtime.signal(id, 'SIGTERM')
    await runtime.remove(id)
  })

  it('finds a live run again, and only a live one', async () => {
    const id = `d-${randomUUID()}`
    const run = await launch(id)
    const found = await runtime.recover(id, placesOf(id).stdinPath)
    expect(found?.pid).toBe(run.pid)
    await found?.writeStdin(Buffer.from('quit\n'))
    expect(await run.exited).toMatchObject({ code: 0 })
    expect(await runtime.recover(id, placesOf(id).stdinPath)).toBeNull()
    await runtime.remove(id)
  })

  it('counts what live runs use', async () => {
    const id = `e-${randomUUID()}`
    const run = await launch(id)
    const sample = (await runtime.sample()).find((entry) => entry.id === id)
    expect(sample).toMatchObject({ pid: run.pid, memoryLimitBytes: tested.specOf(id, 'polite').limits.memoryMiB * 2 ** 20 })
    expect(sample?.memoryBytes).toBeGreaterThan(0)
    expect(sample?.processCount).toBeGreaterThan(0)
    await runtime.remove(id)
    expect((await runtime.sample()).some((entry) => entry.id === id)).toBe(false)
  })

  it('removes a live workload, and one that is not there', async () => {
    const id = `f-${randomUUID()}`
    const run = await launch(id)
    await runtime.remove(id)
    expect(await run.exited).toMatchObject({ code: 137 })
    await runtime.remove(id)
    expect(await statusOf(id)).toBeUndefined()
    await expect(runtime.start(id, placesOf(id))).rejects.toThrow(WorkloadNotFoundError)
  })
}
