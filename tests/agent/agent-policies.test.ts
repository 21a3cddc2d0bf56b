import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { order, restart, useAgentScene, wish } from '../support/agent-scene.ts'
import type { FakeAssignment } from '../support/fake-api-types.ts'

const scene = useAgentScene()
const { start, game, reported, text, result, starts, pidOf, happened, running, crash, outage } = scene

describe('without the api', () => {
  it('restarts go on, and what happened arrives afterwards, in order, once', async () => {
    start()
    const serverId = await running({}, restart())
    await happened(serverId).toEqual(['STARTED', 'READY'])
    const comeBack = await outage()
    for (const code of [3, 4]) {
      crash(serverId, code)
      const before = starts(serverId)
      await expect.poll(() => starts(serverId), { timeout: 15_000 }).toBe(before + 1)
      await expect.poll(() => pidOf(serverId), { timeout: 15_000 }).not.toBeNull()
    }
    await comeBack()
    await reported(serverId).toMatchObject({ state: 'RUNNING', lastExit: { code: 4 } })
    const again = ['EXITED', 'RESTART_PLANNED', 'STARTED', 'READY']
    await expect
      .poll(
        () =>
          scene
            .events(serverId)
            .filter(({ kind }) => kind === 'EXITED')
            .map(({ code }) => code),
        { timeout: 15_000 },
      )
      .toEqual([3, 4])
    // A game that ended before it was ready has no READY.
    const kinds = scene.events(serverId).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind !== 'READY')).toEqual(['STARTED', ...again.slice(0, 3), ...again.slice(0, 3)])
    const times = scene.events(serverId).map(({ at }) => at)
    expect(times).toEqual([...times].sort())
  })

  it('samples are kept, and arrive in order, once, also from an agent that died', async () => {
    const first = start()
    const serverId = await running()
    const kept = () => {
      const store = new DatabaseSync(path.join(scene.folder, 'agent', 'store.db'), { readOnly: true })
      try {
        return Number(store.prepare('select count(*) as count from sample').get()?.['count'])
      } finally {
        store.close()
      }
    }
    const seen = () => scene.api.storedSamples.filter((sample) => sample.serverId === serverId)
    await expect.poll(() => seen().length, { timeout: 15_000 }).toBeGreaterThan(0)
    const comeBack = await outage()
    const gone = Date.now()
    await expect.poll(kept, { timeout: 20_000 }).toBeGreaterThanOrEqual(2)
    await first.kill()
    start()
    const back = Date.now()
    await comeBack()
    await expect.poll(() => seen().some(({ at }) => Date.parse(at) > back), { timeout: 20_000 }).toBe(true)
    const meanwhile = seen().filter(({ at }) => Date.parse(at) > gone && Date.parse(at) < back)
    expect(meanwhile.length).toBeGreaterThanOrEqual(2)
    const times = seen().map(({ at }) => at)
    expect(times).toEqual([...new Set(times)].sort())
    const ofMachine = scene.api.storedNodeSamples.map(({ at }) => at)
    expect(ofMachine.some((at) => Date.parse(at) > gone && Date.parse(at) < back)).toBe(true)
    expect(ofMachine).toEqual([...ofMachine].sort())
  })

  it('an answer that was lost is no second event', async () => {
    start()
    const serverId = await running()
    scene.api.loseAnswerOf('reportEvents')
    crash(serverId)
    const before = scene.api.sessions()
    await expect.poll(() => scene.api.sessions(), { timeout: 15_000 }).toBeGreaterThan(before)
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED'])
    scene.api.assign(wish(serverId, { generation: 2 }))
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED', 'STARTED', 'READY'])
  })

  it("times are the api's, whatever the clock of the machine shows", async () => {
    scene.api.setClock(3_600_000)
    start()
    const serverId = await running()
    crash(serverId)
    await happened(serverId).toContain('EXITED')
    for (const { at } of scene.events(serverId)) expect(Math.abs(Date.parse(at) - Date.now() - 3_600_000)).toBeLessThan(5000)
    const exit = scene.api.report(serverId)?.lastExit?.at ?? ''
    expect(Math.abs(Date.parse(exit) - Date.now() - 3_600_000)).toBeLessThan(5000)
  })
})

describe('after a start of the machine', () => {
  async function reboot(change: Partial<FakeAssignment>, bootPolicy: FakeAssignment['spec']['bootPolicy']) {
    const first = start()
    const serverId = randomUUID()
    game(serverId)
    scene.api.assign(wish(serverId, change, { bootPolicy }))
    await reported(serverId).toMatchObject({ state: change.desiredState ?? 'RUNNING' })
    await first.kill()
    scene.host.reboot()
    const before = scene.api.sessions()
    start()
    await expect.poll(() => scene.api.sessions(), { timeout: 15_000 }).toBeGreaterThan(before)
    return serverId
  }

  it('RESTORE starts what was wanted', async () => {
    const serverId = await reboot({}, 'RESTORE')
    await expect.poll(() => starts(serverId), { timeout: 15_000 }).toBe(2)
    await reported(serverId).toMatchObject({ state: 'RUNNING', isSettled: false, lastExit: { code: null, reason: 'UNKNOWN' } })
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED', 'STARTED', 'READY'])
    expect(scene.events(serverId)[2]).toMatchObject({ message: 'The machine was restarted.' })
    expect(scene.host.attached()).toEqual([serverId])
  })

  it('RESTORE leaves what was not', async () => {
    const serverId = await reboot({ desiredState: 'STOPPED' }, 'RESTORE')
    await reported(serverId).toMatchObject({ state: 'STOPPED' })
    expect(starts(serverId)).toBe(0)
  })

  it('ALWAYS starts, and tells that it was decided', async () => {
    const serverId = await reboot({ desiredState: 'STOPPED' }, 'ALWAYS')
    await reported(serverId).toMatchObject({ state: 'RUNNING', isSettled: true })
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }, { bootPolicy: 'ALWAYS' }))
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2 })
  })

  it('NEVER leaves it stopped, and tells that it was decided', async () => {
    const serverId = await reboot({}, 'NEVER')
    await reported(serverId).toMatchObject({ state: 'STOPPED', isSettled: true })
    await text(serverId).toContain('Not started after the restart of the machine')
    expect(starts(serverId)).toBe(1)
    scene.api.assign(wish(serverId, { generation: 2 }, { bootPolicy: 'NEVER' }))
    await reported(serverId).toMatchObject({ state: 'RUNNING', generation: 2 })
  })

  it('a few at a time', async () => {
    const first = start()
    const serverIds = Array.from({ length: 7 }, () => randomUUID())
    for (const serverId of serverIds) {
      game(serverId)
      scene.api.assign(wish(serverId))
    }
    for (const serverId of serverIds) await reported(serverId).toMatchObject({ state: 'RUNNING' })
    await first.kill()
    scene.host.reboot()
    // They start and are not ready: nobody else's turn comes.
    for (const serverId of serverIds) scene.host.runtime.script(serverId, { output: 'loading\n' })
    const second = (serverId: string) => starts(serverId) === 2
    start()
    await expect.poll(() => serverIds.filter(second).length, { timeout: 15_000 }).toBe(3)
    for (const serverId of serverIds) await reported(serverId).toMatchObject({ state: 'STARTING' })
    expect(serverIds.filter(second)).toHaveLength(3)
    for (const serverId of serverIds.filter(second)) scene.host.runtime.emit(serverId, 'ready to play\n')
    await expect.poll(() => serverIds.filter(second).length, { timeout: 15_000 }).toBe(6)
    // One that waits can be stopped.
    const last = serverIds.find((serverId) => !second(serverId)) ?? ''
    scene.api.assign(wish(last, { generation: 2, desiredState: 'STOPPED' }))
    await reported(last).toMatchObject({ state: 'STOPPED', generation: 2 })
    expect(starts(last)).toBe(1)
  })
})

describe('another spec of the same wish', () => {
  const limits = { memoryMiB: 512, cpuPercent: 50, cpuset: '', diskMiB: 1024, pids: 32 }

  it('gives a running game its new limits without a restart', async () => {
    start()
    const serverId = await running()
    const pid = await pidOf(serverId)
    scene.api.assign(wish(serverId, {}, { limits }))
    await expect
      .poll(() => scene.host.runtime.limitsOf(serverId), { timeout: 15_000 })
      .toEqual({ memoryMiB: 512, cpuPercent: 50, cpuset: '', pids: 32 })
    await text(serverId).toContain('Limits are now 512 MiB')
    expect(await pidOf(serverId)).toBe(pid)
    expect(scene.api.report(serverId)).toMatchObject({ state: 'RUNNING', needsRestart: false })
  })

  it('also when the agent died before it did', async () => {
    const first = start()
    const serverId = await running()
    await first.kill()
    scene.api.assign(wish(serverId, {}, { limits }))
    start()
    await expect.poll(() => scene.host.runtime.limitsOf(serverId), { timeout: 15_000 }).toMatchObject({ memoryMiB: 512 })
    expect(starts(serverId)).toBe(1)
  })

  it('says that a restart is needed when the node refuses them, and when more than limits differ', async () => {
    start()
    const serverId = await running()
    scene.host.runtime.script(serverId, { refusesLimits: new Error('device or resource busy'), quitsOn: 'quit', output: 'ready to play\n' })
    scene.api.assign(wish(serverId, {}, { limits }))
    await reported(serverId).toMatchObject({ state: 'RUNNING', needsRestart: true })
    await text(serverId).toContain('The new limits need a restart: device or resource busy')
    scene.api.assign(wish(serverId))
    await reported(serverId).toMatchObject({ needsRestart: false })
    scene.api.assign(wish(serverId, {}, { environment: [{ name: 'MAP', value: 'dm2' }] }))
    await reported(serverId).toMatchObject({ needsRestart: true })
    scene.api.assign(wish(serverId, { generation: 2 }, { environment: [{ name: 'MAP', value: 'dm2' }], name: 'Other' }))
    const again = order(serverId, 'RESTART', { generation: 2 })
    scene.api.command(again)
    await result(again).toMatchObject({ status: 'DONE' })
    await reported(serverId).toMatchObject({ state: 'RUNNING', needsRestart: false })
    expect(scene.host.runtime.specOf(serverId)?.env['MAP']).toBe('dm2')
  })
})

describe('the stop rule', () => {
  it.each(['SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGHUP'] as const)('sends %s when it says so', async (signal) => {
    start()
    const stop = { command: null, signal, timeoutSeconds: 1 }
    const serverId = await running({}, { stop })
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }, { stop }))
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2 })
    expect(scene.host.runtime.calls).toContain(`signal ${serverId} ${signal}`)
  })
})

describe('a reinstall', () => {
  const install = { script: 'echo hi', interpreter: ['/bin/sh'], timeoutSeconds: 60 }
  const filesOf = (serverId: string) => path.join(scene.folder, 'agent', 'servers', serverId, 'files')

  async function begin(script: Parameters<typeof scene.host.runtime.script>[1], rule = install) {
    start()
    const serverId = randomUUID()
    scene.host.runtime.script(`${serverId}-install`, { output: 'unpacking\n', writes: { world: 'new', extra: 'new' }, ...script })
    scene.api.assign(wish(serverId, { desiredState: 'STOPPED' }, { install: rule }))
    await reported(serverId).toBeDefined()
    mkdirSync(filesOf(serverId), { recursive: true })
    writeFileSync(path.join(filesOf(serverId), 'world'), 'old')
    const command = order(serverId, 'INSTALL', { installationId: randomUUID() })
    scene.api.command(command)
    return { serverId, command }
  }

  it('puts its files in place when it has succeeded, and not before', async () => {
    const { serverId, command } = await begin({})
    const workload = `${serverId}-install`
    await expect
      .poll(() => scene.host.runtime.limitsOf(workload), { timeout: 15_000 })
      .toEqual({ memoryMiB: 512, cpuPercent: 100, cpuset: '', pids: 512 })
    expect(readdirSync(filesOf(serverId))).toEqual(['world'])
    scene.host.runtime.exit(workload, { code: 0 })
    await result(command).toMatchObject({ status: 'DONE' })
    expect(readFileSync(path.join(filesOf(serverId), 'world'), 'utf8')).toBe('new')
    expect(scene.api.installations.at(-1)).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 })
    // The outcome comes before the answer to the order, and is told once.
    await (
      await outage()
    )()
    expect(scene.api.installations.filter(({ status }) => status === 'SUCCEEDED')).toHaveLength(1)
  })

  it.each(['fails', 'takes too long', 'is cancelled'])('that %s leaves what was there', async (how) => {
    const { serverId, command } = await begin(how === 'fails' ? { exitsWith: 2 } : {}, {
      ...install,
      timeoutSeconds: how === 'takes too long' ? 1 : 60,
    })
    if (how === 'is cancelled') {
      await expect.poll(() => scene.host.runtime.limitsOf(`${serverId}-install`), { timeout: 15_000 }).toBeDefined()
      scene.api.command(order(serverId, 'ABORT_INSTALL'))
    }
    await result(command).toMatchObject({ status: 'FAILED' })
    await reported(serverId).toMatchObject({ isInstalled: true, state: 'STOPPED' })
    expect(readdirSync(filesOf(serverId))).toEqual(['world'])
    expect(readFileSync(path.join(filesOf(serverId), 'world'), 'utf8')).toBe('old')
    expect(readdirSync(path.dirname(filesOf(serverId))).sort()).toEqual(['files', 'install', 'logs'])
    expect(await scene.host.runtime.list()).toEqual([])
  })

  it('cannot be cancelled when none is under way', async () => {
    start()
    const serverId = await running()
    const abort = order(serverId, 'ABORT_INSTALL')
    scene.api.command(abort)
    await result(abort).toMatchObject({ status: 'FAILED', errorCode: 'NOT_INSTALLING' })
  })
})
