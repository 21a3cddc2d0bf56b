import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RuntimeUnavailableError } from '../../agent/src/runtime/runtime-errors.ts'
import type { WorkloadSpec } from '../../agent/src/runtime/runtime.ts'
import { startContainerd, whyNoContainerd, type TestContainerd } from '../support/containerd.ts'
import { createTestNode, type TestNode } from '../support/test-node.ts'

const NAMESPACE = 'catalyst-killed'
const GAMES = 6
const KILLS = 12
const GAME = 'read line'

const reason = whyNoContainerd()

describe.skipIf(reason !== null)(`containerd, killed${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let containerd: TestContainerd
  let node: TestNode

  beforeAll(async () => {
    containerd = await startContainerd()
    node = await createTestNode(containerd, NAMESPACE)
  })
  afterAll(async () => {
    await node.dispose()
    await containerd.dispose()
  })

  const filesOf = (id: string) => ({
    logPath: path.join(containerd.folder, `${id}.log`),
    stdinPath: path.join(containerd.folder, `${id}.stdin`),
  })
  const start = (id: string) => {
    const files = filesOf(id)
    writeFileSync(files.logPath, '', { mode: 0o600 })
    return node.runtime.start(id, files)
  }

  /** Tries again while containerd is away, as the agent does. */
  async function patiently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof RuntimeUnavailableError)) throw error
        await delay(100)
      }
    }
  }

  it('makes a task where its folder was left', async () => {
    const spec = await node.shell('folder', GAME)
    await node.runtime.prepare(spec)
    mkdirSync(path.join(containerd.base, 'state', 'io.containerd.runtime.v2.task', NAMESPACE, 'folder', 'rootfs'), { recursive: true })
    const run = await start('folder')
    await node.runtime.signal('folder', 'SIGKILL')
    expect(await run.exited).toMatchObject({ code: 137 })
    await node.runtime.remove('folder')
  })

  it('is a wait and no error, whatever was under way, and leaves nothing over', { timeout: 120_000 }, async () => {
    const specs: WorkloadSpec[] = []
    for (let index = 0; index < GAMES; index += 1) specs.push(await node.shell(`game${String(index)}`, GAME))
    const over = new AbortController()
    const live = async (spec: WorkloadSpec): Promise<number> => {
      let lives = 0
      for (; !over.signal.aborted; lives += 1) {
        await patiently(() => node.runtime.prepare(spec))
        const run = await patiently(() => start(spec.id))
        await patiently(() => node.runtime.signal(spec.id, 'SIGKILL'))
        await run.exited
        await patiently(() => node.runtime.collect(spec.id))
      }
      return lives
    }
    const lives = Promise.all(specs.map(live))
    lives.catch(() => undefined)
    for (let kill = 0; kill < KILLS; kill += 1) {
      // Any moment of a start or an end.
      await delay(150 + Math.random() * 600)
      await containerd.kill()
      await containerd.start()
    }
    over.abort()
    expect(Math.min(...(await lives))).toBeGreaterThan(0)
    for (const { id } of specs) await node.runtime.abandon(id)
    const shims = () =>
      execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line.includes(`-namespace ${NAMESPACE} `))
    await expect.poll(shims).toEqual([])
    const known = path.join('/run/containerd/runc', NAMESPACE)
    expect(existsSync(known) ? readdirSync(known) : []).toEqual([])
  })
})
