import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { order, useAgentScene, wish } from '../support/agent-scene.ts'

const scene = useAgentScene()
const { start, game, reported, text, result, starts, pidOf, running } = scene

describe('an agent that is killed', () => {
  it.each(['ensure', 'attach', 'prepare', 'start'] as const)(
    'during a start, before %s: the next one starts the game once',
    async (step) => {
      const serverId = randomUUID()
      game(serverId)
      const first = start()
      await first.ready
      const gate = scene.host.holdNext(step)
      scene.api.assign(wish(serverId))
      await gate.reached
      await first.kill()
      start()
      await reported(serverId).toMatchObject({ state: 'RUNNING' })
      expect(starts(serverId)).toBe(1)
      expect(scene.host.attached()).toEqual([serverId])
      await text(serverId).toContain('ready to play')
    },
  )

  it('right after the process was made: the next one keeps the process', async () => {
    const serverId = randomUUID()
    game(serverId)
    const first = start()
    await first.ready
    const gate = scene.host.holdNext('start', 'after')
    scene.api.assign(wish(serverId))
    await gate.reached
    const pid = await pidOf(serverId)
    await first.kill()
    start()
    await reported(serverId).toMatchObject({ state: 'RUNNING' })
    expect(await pidOf(serverId)).toBe(pid)
    await text(serverId).toBe('Starting\nloading\nready to play\n')
  })

  it('while a game goes on: it keeps its process, its console and its ready text', async () => {
    const first = start()
    const serverId = randomUUID()
    scene.host.runtime.script(serverId, { output: 'loading\n', echoesStdin: true, quitsOn: 'quit' })
    scene.api.assign(wish(serverId))
    await reported(serverId).toMatchObject({ state: 'STARTING' })
    await text(serverId).toContain('loading')
    const pid = await pidOf(serverId)
    await first.kill()
    scene.host.runtime.emit(serverId, 'ready to play\nwritten while nobody looked ü\n')
    const second = start()
    await reported(serverId).toMatchObject({ state: 'RUNNING' })
    const input = order(serverId, 'CONSOLE_INPUT', { consoleInput: 'still there' })
    scene.api.command(input)
    await result(input).toMatchObject({ status: 'DONE' })
    await text(serverId).toContain('echo still there')
    await second.kill()
    start()
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }))
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2 })
    await text(serverId).toBe(
      'Starting\nloading\nready to play\nwritten while nobody looked ü\nstill there\necho still there\nquit\necho quit\nEnded with code 0\n',
    )
    expect(pid).not.toBeNull()
    expect(starts(serverId)).toBe(1)
  })

  it('while the game ended: the next one tells the exit and does not start it', async () => {
    const first = start()
    const serverId = await running()
    await first.kill()
    scene.host.runtime.exit(serverId, { code: 9 })
    start()
    await reported(serverId).toMatchObject({ state: 'CRASHED', isSettled: true, lastExit: { code: 9, reason: 'CRASHED' } })
    await text(serverId).toContain('Ended with code 9')
    expect(starts(serverId)).toBe(1)
  })

  it.each([
    ['collect', 'before'],
    ['collect', 'after'],
    ['detach', 'before'],
    ['detach', 'after'],
  ] as const)('while it takes up an exit, %s %s: the exit is told once and kept', async (step, when) => {
    const first = start()
    const serverId = await running()
    const gate = scene.host.holdNext(step, when)
    scene.host.runtime.exit(serverId, { code: 4 })
    await gate.reached
    await first.kill()
    start()
    await reported(serverId).toMatchObject({ state: 'CRASHED', isSettled: true, lastExit: { code: 4, reason: 'CRASHED' } })
    expect(starts(serverId)).toBe(1)
    expect(scene.host.attached()).toEqual([])
  })

  const slowly = { command: 'bye', signal: null, timeoutSeconds: 60 }

  it('before the game was told to stop: the next one tells it', async () => {
    const first = start()
    const serverId = await running({}, { stop: slowly })
    const gate = scene.host.holdNext('writeStdin')
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }, { stop: slowly }))
    await gate.reached
    await first.kill()
    scene.host.runtime.script(serverId, { quitsOn: 'bye' })
    start()
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2, lastExit: { code: 0, reason: 'STOPPED' } })
  })

  it('after the game was told to stop: the next one waits for the rest of its time, then uses force', async () => {
    const first = start()
    const brief = { ...slowly, timeoutSeconds: 2 }
    const serverId = await running({}, { stop: brief })
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }, { stop: brief }))
    await text(serverId).toContain('echo bye')
    await first.kill()
    start()
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2, lastExit: { code: 137, reason: 'KILLED' } })
    expect(scene.api.text(serverId).match(/echo bye/g)).toHaveLength(1)
  })

  it('does not write a console input twice whose outcome nobody knows', async () => {
    const first = start()
    const serverId = await running()
    const gate = scene.host.holdNext('writeStdin')
    const input = order(serverId, 'CONSOLE_INPUT', { consoleInput: 'maybe' })
    scene.api.command(input)
    await gate.reached
    await first.kill()
    start()
    await result(input).toMatchObject({ status: 'FAILED', errorCode: 'OUTCOME_UNKNOWN' })
    await text(serverId).toContain('maybe\n')
    expect(scene.api.text(serverId)).not.toContain('echo maybe')
  })

  it('and has lost its store: what runs is taken up, the console goes on behind its end', async () => {
    const first = start()
    const serverId = await running()
    await text(serverId).toContain('ready to play')
    const pid = await pidOf(serverId)
    await first.kill()
    for (const suffix of ['', '-wal', '-shm']) rmSync(path.join(scene.folder, 'agent', `store.db${suffix}`), { force: true })
    start()
    await expect.poll(() => new Set(scene.api.storeIds).size, { timeout: 15_000 }).toBe(2)
    await reported(serverId).toMatchObject({ state: 'RUNNING' })
    expect(await pidOf(serverId)).toBe(pid)
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }))
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2 })
    await text(serverId).toContain('Ended with code 0')
    expect(starts(serverId)).toBe(1)
  })
})

describe('an install', () => {
  const script = { script: 'echo hi', interpreter: ['/bin/sh'], timeoutSeconds: 60 }

  it('builds the image, runs the script, then starts what is wanted', async () => {
    start()
    const serverId = randomUUID()
    game(serverId)
    scene.host.runtime.script(`${serverId}-install`, { output: 'unpacking \0 maps\n', exitsWith: 0 })
    scene.api.assign(wish(serverId, { isInstalled: false }, { install: script }))
    const install = order(serverId, 'INSTALL', { installationId: randomUUID() })
    scene.api.command(install)
    await result(install).toMatchObject({ status: 'DONE' })
    await expect
      .poll(() => scene.api.installations.at(-1), { timeout: 15_000 })
      .toMatchObject({ status: 'SUCCEEDED', percent: 100, exitCode: 0 })
    expect(scene.api.installLog(install.installationId ?? '')).toContain('unpacking \uFFFD maps\n')
    expect(scene.host.runtime.specOf(`${serverId}-install`)).toBeUndefined()
    await reported(serverId).toMatchObject({ isInstalled: true, state: 'RUNNING' })
    expect(scene.host.attached()).toEqual([serverId])
  })

  it('tells a script that fails, one that takes too long and one that is cancelled', async () => {
    start()
    const [failing, slow, cancelled] = [randomUUID(), randomUUID(), randomUUID()]
    scene.host.runtime.script(`${failing}-install`, { output: 'no such file\n', exitsWith: 2 })
    const orders = [failing, slow, cancelled].map((serverId) => order(serverId, 'INSTALL', { installationId: randomUUID() }))
    for (const [index, serverId] of [failing, slow, cancelled].entries()) {
      const timeoutSeconds = serverId === slow ? 1 : 60
      scene.api.assign(wish(serverId, { isInstalled: false, desiredState: 'STOPPED' }, { install: { ...script, timeoutSeconds } }))
      const install = orders[index]
      if (install !== undefined) scene.api.command(install)
    }
    await expect.poll(() => scene.host.runtime.specOf(`${cancelled}-install`), { timeout: 15_000 }).toBeDefined()
    scene.api.command(order(cancelled, 'ABORT_INSTALL'))
    const outcome = (serverId: string) =>
      expect.poll(() => scene.api.installations.findLast((report) => report.serverId === serverId), { timeout: 15_000 })
    await outcome(failing).toMatchObject({ status: 'FAILED', exitCode: 2 })
    await outcome(slow).toMatchObject({ status: 'FAILED' })
    await outcome(cancelled).toMatchObject({ status: 'ABORTED' })
    await reported(failing).toMatchObject({ isInstalled: false, problem: { code: 'INSTALL_FAILED' } })
    await reported(slow).toMatchObject({ problem: { code: 'INSTALL_TIMED_OUT' } })
    await reported(cancelled).toMatchObject({ problem: { code: 'INSTALL_ABORTED' } })
    expect(await scene.host.runtime.list()).toEqual([])
  })

  it('does not disturb the session while its container is measured', async () => {
    start()
    const serverId = randomUUID()
    scene.api.assign(wish(serverId, { isInstalled: false, desiredState: 'STOPPED' }, { install: script }))
    const other = await running()
    scene.api.command(order(serverId, 'INSTALL', { installationId: randomUUID() }))
    await expect.poll(() => scene.host.runtime.specOf(`${serverId}-install`), { timeout: 15_000 }).toBeDefined()
    await expect
      .poll(() => scene.api.storedSamples.filter((sample) => sample.serverId === other).length, { timeout: 15_000 })
      .toBeGreaterThan(1)
    expect(scene.api.storedSamples.every((sample) => sample.serverId === other)).toBe(true)
    expect(scene.api.sessions()).toBe(1)
  })

  it('that a killed agent left is undone and told', async () => {
    const first = start()
    const serverId = randomUUID()
    scene.api.assign(wish(serverId, { isInstalled: false, desiredState: 'STOPPED' }, { install: script }))
    const install = order(serverId, 'INSTALL', { installationId: randomUUID() })
    scene.api.command(install)
    await expect.poll(() => scene.host.runtime.specOf(`${serverId}-install`), { timeout: 15_000 }).toBeDefined()
    await first.kill()
    start()
    await result(install).toMatchObject({ status: 'FAILED', errorCode: 'INTERRUPTED' })
    expect(await scene.host.runtime.list()).toEqual([])
    expect(scene.host.attached()).toEqual([])
  })
})
