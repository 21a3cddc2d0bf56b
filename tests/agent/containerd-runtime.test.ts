import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectContainerd } from '../../agent/src/runtime/containerd/client.ts'
import { SNAPSHOTTER } from '../../agent/src/runtime/containerd/snapshots.ts'
import { LimitInUseError, RuntimeUnavailableError, StdinFullError } from '../../agent/src/runtime/runtime-errors.ts'
import type { RunHandle, WorkloadSpec } from '../../agent/src/runtime/runtime.ts'
import { startContainerd, whyNoContainerd, type TestContainerd } from '../support/containerd.ts'
import { testRuntimeContract } from '../support/runtime-contract.ts'
import { createTestNode, type TestNode } from '../support/test-node.ts'

const reason = whyNoContainerd()
const NAMESPACE = `catalyst-test-${String(process.pid)}`

const POLITE =
  'trap "exit 143" TERM; echo hello; while read line; do case $line in quit) exit 0;; fail) exit 7;; esac; echo "echo $line"; done'
const STUBBORN = 'trap "" TERM; echo hello; while true; do read line; echo "echo $line"; done'

describe.skipIf(reason !== null)(`containerd runtime${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let containerd: TestContainerd
  let node: TestNode
  let number = 0

  beforeAll(async () => {
    containerd = await startContainerd()
    node = await createTestNode(containerd, NAMESPACE)
  })
  afterAll(async () => {
    await node.dispose()
    await containerd.dispose()
    // Nothing of ours is left on the host.
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(NAMESPACE)
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(`-namespace ${NAMESPACE}`)
  })

  const logOf = (id: string) => path.join(containerd.folder, `${id}.log`)
  const read = (id: string) => readFileSync(logOf(id), 'utf8')
  async function run(script: string, more: Partial<WorkloadSpec> = {}): Promise<RunHandle & { spec: WorkloadSpec }> {
    number += 1
    const id = `w${String(number)}`
    const spec = await node.shell(id, script, more)
    await node.runtime.prepare(spec)
    writeFileSync(logOf(id), '', { mode: 0o600 })
    const handle = await node.runtime.start(id, { logPath: logOf(id), stdinPath: `${logOf(id)}.stdin` })
    return { ...handle, spec }
  }

  describe('keeps the contract', () => {
    let specs: { polite: WorkloadSpec; stubborn: WorkloadSpec }
    testRuntimeContract(async () => {
      specs = { polite: await node.shell('contract', POLITE), stubborn: await node.shell('contract', STUBBORN) }
      const folder = path.join(containerd.folder, 'contract')
      mkdirSync(folder, { recursive: true })
      return { runtime: node.runtime, folder, specOf: (id, kind) => ({ ...specs[kind], id }), dispose: () => Promise.resolve() }
    })
  })

  it('takes a task that was made and never started for none, and starts over it', async () => {
    const spec = await node.shell('unbegun', POLITE)
    await node.runtime.prepare(spec)
    writeFileSync(logOf('unbegun'), '', { mode: 0o600 })
    const client = connectContainerd(containerd.socket, NAMESPACE)
    try {
      // What a kill of the agent between the two calls leaves.
      const { mounts } = await client.snapshots.mounts({ snapshotter: SNAPSHOTTER, key: 'unbegun' })
      const output = `file://${logOf('unbegun')}`
      await client.tasks.create({ containerId: 'unbegun', rootfs: mounts, stdin: '', stdout: output, stderr: output, terminal: false })
    } finally {
      client.close()
    }
    const stdinPath = `${logOf('unbegun')}.stdin`
    expect((await node.runtime.list()).find(({ id }) => id === 'unbegun')?.run).toEqual({ state: 'none' })
    expect(await node.runtime.recover('unbegun', stdinPath)).toBeNull()
    const game = await node.runtime.start('unbegun', { logPath: logOf('unbegun'), stdinPath })
    await expect.poll(() => read('unbegun')).toContain('hello')
    await game.writeStdin(Buffer.from('quit\n'))
    expect(await game.exited).toMatchObject({ code: 0 })
    await node.runtime.remove('unbegun')
  })

  it('ends what containerd has forgotten of a task, before it starts another and when it removes it', async () => {
    const folder = path.join(containerd.base, 'state', 'io.containerd.runtime.v2.task', NAMESPACE)
    const shims = (id: string) =>
      execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line.includes(`-namespace ${NAMESPACE} -id ${id} `)).length
    const game = await run(STUBBORN)
    const options = { logPath: logOf(game.id), stdinPath: `${logOf(game.id)}.stdin` }
    // A kill while a task is made may leave as much: process, shim and runc's own notes, and no task.
    const forget = async () => {
      await containerd.kill()
      execFileSync('umount', ['-l', path.join(folder, game.id, 'rootfs')])
      rmSync(path.join(folder, game.id), { recursive: true })
      await containerd.start()
    }
    await forget()
    expect(existsSync(`/proc/${String(game.pid)}`)).toBe(true)
    const again = await node.reopen().start(game.id, options)
    expect(again.pid).not.toBe(game.pid)
    await expect.poll(() => existsSync(`/proc/${String(game.pid)}`)).toBe(false)
    await expect.poll(() => shims(game.id)).toBe(1)

    await forget()
    await node.runtime.remove(game.id)
    await expect.poll(() => existsSync(`/proc/${String(again.pid)}`)).toBe(false)
    await expect.poll(() => shims(game.id)).toBe(0)
  })

  it('gives a game no power over the host', async () => {
    const script = [
      'id -u; id -g; cat /proc/self/status | grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):"',
      'touch /here 2>/dev/null && echo "root is writable"',
      'touch /data/file && touch /tmp/file && echo "data and tmp are writable"',
      'cat /proc/kcore 2>&1 | head -c 1 | wc -c; echo 1 2>/dev/null > /proc/sys/kernel/hostname || echo "sysctl refused"',
      'unshare -r true 2>/dev/null && echo "user namespace" ; mount -t tmpfs x /tmp 2>/dev/null && echo "mounted"',
      'ls /sys/class/net; ulimit -c; exit 0',
    ].join('\n')
    const game = await run(script)
    expect(await game.exited).toMatchObject({ code: 0 })
    await node.runtime.collect(game.id)
    const said = read(game.id)
    expect(said).toContain('200007\n200007\n')
    expect(said).toMatch(/CapEff:\s0{16}\nCapBnd:\s0{16}/)
    expect(said).toMatch(/NoNewPrivs:\s1/)
    expect(said).toMatch(/Seccomp:\s2/)
    expect(said).toContain('data and tmp are writable')
    expect(said).toContain('sysctl refused')
    for (const bad of ['root is writable', 'user namespace', 'mounted', 'eth0']) expect(said).not.toContain(bad)
    expect(statSync(path.join(game.spec.mounts[0]?.source ?? '', 'file')).uid).toBe(200_007)
  })

  it('holds memory, processor and process limits', async () => {
    const hog = await run('[ -f /data/calm ] && read line; x=a; while true; do x=$x$x; done', {
      limits: { memoryMiB: 16, cpuPercent: 100, cpuset: '', pids: 32 },
    })
    expect(await hog.exited).toMatchObject({ code: 137, outOfMemory: true })
    expect(await node.runtime.collect(hog.id)).toMatchObject({ outOfMemory: true })

    const forker = await run('i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done; echo all started', {
      limits: { memoryMiB: 64, cpuPercent: 100, cpuset: '', pids: 16 },
    })
    expect((await forker.exited).code).not.toBe(0)
    expect(read(forker.id)).not.toContain('all started')

    const busy = await run('while true; do :; done', { limits: { memoryMiB: 64, cpuPercent: 20, cpuset: '', pids: 16 } })
    const sampleOf = async () => (await node.runtime.sample()).find((sample) => sample.id === busy.id)
    // The shell and what starts it.
    expect((await sampleOf())?.processCount).toBe(2)
    const used = async () => Number((await sampleOf())?.cpuNanoseconds ?? 0n)
    const [before, since] = [await used(), performance.now()]
    // Time has to pass: the quota is measured, not simulated.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const percent = ((await used()) - before) / (performance.now() - since) / 1e4
    expect(percent).toBeLessThan(30)
    await node.runtime.update(busy.id, { memoryMiB: 48, cpuPercent: 40, cpuset: '', pids: 16 })
    expect((await sampleOf())?.memoryLimitBytes).toBe(48 * 2 ** 20)
    await node.runtime.remove(busy.id)

    // An earlier end for memory says nothing about the next.
    writeFileSync(path.join(hog.spec.mounts[0]?.source ?? '', 'calm'), '')
    writeFileSync(logOf(hog.id), '')
    const again = await node.runtime.start(hog.id, { logPath: logOf(hog.id), stdinPath: `${logOf(hog.id)}.stdin` })
    await node.runtime.signal(hog.id, 'SIGKILL')
    expect(await again.exited).toMatchObject({ code: 137, outOfMemory: false })
  })

  it('keeps a game on its cores, and changes them while it runs', async () => {
    const limits = { memoryMiB: 64, cpuPercent: 100, cpuset: '0', pids: 16 }
    const pinned = await run('while read line; do grep Cpus_allowed_list /proc/self/status; done', { limits })
    const cores = async (count: number) => {
      await pinned.writeStdin(Buffer.from('say\n'))
      await expect.poll(() => read(pinned.id).match(/Cpus_allowed_list:\s*\S+/g)?.length, { timeout: 5000 }).toBe(count)
      return read(pinned.id).trim().split(/\s+/).at(-1)
    }
    expect(await cores(1)).toBe('0')
    await node.runtime.update(pinned.id, { ...limits, cpuset: '' })
    expect(await cores(2)).toBe(readFileSync('/sys/devices/system/cpu/online', 'utf8').trim())
    await node.runtime.update(pinned.id, { ...limits, cpuset: '1' })
    expect(await cores(3)).toBe('1')
    await expect(node.runtime.update(pinned.id, { ...limits, cpuset: '4000' })).rejects.toThrow()
    await node.runtime.remove(pinned.id)
  })

  it('takes no memory limit that a live game would be killed for', async () => {
    const full = await run('x=a; while [ ${#x} -lt 16000000 ]; do x=$x$x; done; echo full; read line', {
      limits: { memoryMiB: 64, cpuPercent: 100, cpuset: '', pids: 16 },
    })
    await expect.poll(() => read(full.id), { timeout: 20_000 }).toContain('full')
    await expect(node.runtime.update(full.id, { memoryMiB: 8, cpuPercent: 100, cpuset: '', pids: 16 })).rejects.toThrow(LimitInUseError)
    await node.runtime.update(full.id, { memoryMiB: 96, cpuPercent: 100, cpuset: '', pids: 16 })
    expect((await node.runtime.sample()).find((sample) => sample.id === full.id)?.memoryLimitBytes).toBe(96 * 2 ** 20)
    await full.writeStdin(Buffer.from('on\n'))
    expect(await full.exited).toMatchObject({ code: 0 })
  })

  it('keeps what a game wrote outside /data between runs, where its root may be written', async () => {
    const other = await run('[ -f /root-file ] && echo kept; : > /root-file; exit 0', {
      readOnlyRoot: false,
      user: { uid: 0, gid: 0 },
      workingDirectory: '/',
    })
    await other.exited
    await node.runtime.collect(other.id)
    expect(read(other.id)).toBe('')
    const again = await node.runtime.start(other.id, { logPath: logOf(other.id), stdinPath: `${logOf(other.id)}.stdin` })
    await again.exited
    expect(read(other.id)).toBe('kept\n')
  })

  it('reattaches after the agent is gone: output goes on, input arrives, the exit is told', async () => {
    const game = await run(
      'n=0; while [ $n -lt 400 ]; do n=$((n+1)); echo "line $n"; usleep 2000; done; read line; echo "got $line"; exit 5',
    )
    const second = node.reopen()
    const found = await second.recover(game.id, `${logOf(game.id)}.stdin`)
    expect(found?.pid).toBe(game.pid)
    await second.close()
    const third = node.reopen()
    const again = await third.recover(game.id, `${logOf(game.id)}.stdin`)
    await again?.writeStdin(Buffer.from('word\n'))
    expect(await again?.exited).toMatchObject({ code: 5 })
    await third.collect(game.id)
    expect(read(game.id)).toBe([...Array.from({ length: 400 }, (_, index) => `line ${String(index + 1)}`), 'got word', ''].join('\n'))
  })

  it('refuses input that nobody reads instead of keeping it', async () => {
    const game = await run('sleep 60')
    const block = Buffer.alloc(32 * 1024, 'x')
    // The FIFO and the shim take some; then it is full.
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, () => Promise.race([game.writeStdin(block), new Promise((resolve) => setTimeout(resolve, 500))])),
    )
    expect(results.some((result) => result.status === 'rejected' && result.reason instanceof StdinFullError)).toBe(true)
    await node.runtime.remove(game.id)
  })

  it('outlives kill -9 of containerd: games go on, and an exit meanwhile is told', async () => {
    const lasting = await run('while read line; do echo "got $line"; done')
    const ending = await run('read line; exit 9')
    await containerd.kill()
    await expect(node.runtime.describe()).rejects.toThrow(RuntimeUnavailableError)
    await ending.writeStdin(Buffer.from('go\n'))
    await lasting.writeStdin(Buffer.from('meanwhile\n'))
    await expect.poll(() => read(lasting.id)).toContain('got meanwhile')
    await expect.poll(() => existsSync(`/proc/${String(ending.pid)}/exe`)).toBe(false)
    await containerd.start()
    // Newer versions forget the code of what ended while they were away.
    expect([9, null]).toContain((await ending.exited).code)
    expect(await node.runtime.list()).toContainEqual(
      expect.objectContaining({ id: lasting.id, run: { state: 'running', pid: lasting.pid } }),
    )
    await lasting.writeStdin(Buffer.from('after\n'))
    await expect.poll(() => read(lasting.id)).toContain('got after')
    await node.runtime.remove(lasting.id)
    expect((await lasting.exited).code).toBe(137)
  })

  it('says what is wrong when a game cannot start, and leaves nothing of it running', async () => {
    const spec = await node.shell('missing', '', { args: ['/bin/no-such-program'] })
    await node.runtime.prepare(spec)
    writeFileSync(logOf('missing'), '')
    const outcome = await node.runtime.start('missing', { logPath: logOf('missing'), stdinPath: `${logOf('missing')}.stdin` }).then(
      (handle) => handle.exited,
      (error: unknown) => error,
    )
    // tini is what starts; it says so and ends with 127.
    expect(outcome).toMatchObject({ code: 127 })
    await node.runtime.collect('missing')
    expect(read('missing')).toContain('no-such-program')
    await node.runtime.remove('missing')
  })

  it('keeps the last words, also those on the error stream of a game that ends at once', async () => {
    const words = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const heard: string[] = []
        for (let round = 0; round < 8; round += 1) {
          const game = await run(`echo ${String(round)} ${String(index)} >&2; exit 1`)
          await game.exited
          await node.runtime.collect(game.id)
          heard.push(read(game.id))
          await node.runtime.remove(game.id)
        }
        return heard
      }),
    )
    expect(words).toEqual(
      Array.from({ length: 8 }, (_game, index) => Array.from({ length: 8 }, (_round, round) => `${String(round)} ${String(index)}\n`)),
    )
  })

  it('starts twenty at once, each with its own input', async () => {
    const games = await Promise.all(Array.from({ length: 20 }, () => run('read line; echo "got $line"; exit 3')))
    await Promise.all(games.map((game) => game.writeStdin(Buffer.from(`${game.id}\n`))))
    for (const game of games) {
      expect(await game.exited).toMatchObject({ code: 3 })
      expect(read(game.id)).toBe(`got ${game.id}\n`)
      await node.runtime.remove(game.id)
    }
  })

  it('does not meet another namespace', async () => {
    const other = await createTestNode(containerd, `${NAMESPACE}-b`)
    try {
      const mine = await run('sleep 60')
      const spec = await other.shell(mine.id, 'sleep 60')
      await other.runtime.prepare(spec)
      writeFileSync(logOf('theirs'), '')
      const theirs = await other.runtime.start(mine.id, { logPath: logOf('theirs'), stdinPath: `${logOf('theirs')}.stdin` })
      expect(theirs.pid).not.toBe(mine.pid)
      await other.runtime.remove(mine.id)
      expect(await node.runtime.list()).toContainEqual(expect.objectContaining({ id: mine.id, run: { state: 'running', pid: mine.pid } }))
      await node.runtime.remove(mine.id)
    } finally {
      await other.dispose()
    }
  })
})
