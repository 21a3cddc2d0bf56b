import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { order, useAgentScene, wish } from '../support/agent-scene.ts'

// The agent dies by SIGKILL at every step of its work; the next one has to end in the truth, with nothing done twice.

const scene = useAgentScene()
const { start, startKilledAt, game, reported, text, result, starts, pidOf, happened } = scene

const count = (serverId: string, words: string) => scene.api.text(serverId).split(words).length - 1
const rootOf = (serverId: string) => path.join(scene.folder, 'agent', 'servers', serverId)
const filesOf = (serverId: string) => path.join(rootOf(serverId), 'files')

describe('an agent that is killed while it starts a game', () => {
  it.each(['begun', 'image', 'network', 'prepared', 'created', 'stored'])('at start:%s', async (step) => {
    const serverId = randomUUID()
    game(serverId)
    scene.api.assign(wish(serverId))
    const first = startKilledAt(`start:${step}`, serverId)
    expect(await first.ended).toBe('SIGKILL')
    const pid = await pidOf(serverId)
    expect(pid === null).toBe(!['created', 'stored'].includes(step))
    start()
    await reported(serverId).toMatchObject({ state: 'RUNNING', isSettled: false, problem: null, needsRestart: false })
    await happened(serverId).toEqual(['STARTED', 'READY'])
    await text(serverId).toBe('Starting\nloading\nready to play\n')
    if (pid !== null) expect(await pidOf(serverId)).toBe(pid)
    expect(starts(serverId)).toBe(1)
    expect(scene.host.attached()).toEqual([serverId])
  })
})

describe('an agent that is killed while it stops a game', () => {
  it.each(['stop:begun', 'stop:sent', 'exit:seen', 'exit:collected', 'exit:detached', 'exit:stored'])('at %s', async (step) => {
    const serverId = randomUUID()
    game(serverId)
    scene.api.assign(wish(serverId))
    const first = startKilledAt(step, serverId)
    await reported(serverId).toMatchObject({ state: 'RUNNING' })
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }))
    expect(await first.ended).toBe('SIGKILL')
    start()
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2, lastExit: { code: 0, reason: 'STOPPED' } })
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED'])
    await text(serverId).toContain('Ended with code 0')
    expect(count(serverId, 'echo quit')).toBe(1)
    expect(starts(serverId)).toBe(1)
    expect(await pidOf(serverId)).toBeNull()
    expect(scene.host.attached()).toEqual([])
  })

  it('at kill:sent', async () => {
    const serverId = randomUUID()
    game(serverId)
    scene.api.assign(wish(serverId))
    const first = startKilledAt('kill:sent', serverId)
    await reported(serverId).toMatchObject({ state: 'RUNNING' })
    scene.host.runtime.script(serverId, { hangsOnStop: true })
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }))
    const kill = order(serverId, 'KILL', { generation: 2 })
    scene.api.command(kill)
    expect(await first.ended).toBe('SIGKILL')
    start()
    await result(kill).toMatchObject({ status: 'DONE' })
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2, lastExit: { code: 137, reason: 'KILLED' } })
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED'])
    expect(scene.host.attached()).toEqual([])
  })
})

describe('an agent that is killed while it takes up a crash', () => {
  it.each(['exit:seen', 'exit:collected', 'exit:detached', 'exit:stored'])('at %s', async (step) => {
    const restart = { policy: 'ON_FAILURE', cleanExitCodes: [0], maximumRestarts: 5, windowSeconds: 600 } as const
    // An end of which the runtime knows nothing any more, because it was collected, is no sign of a new boot.
    const spec = { restart: { ...restart, cleanExitCodes: [0] }, bootPolicy: 'NEVER' as const }
    const serverId = randomUUID()
    game(serverId)
    scene.api.assign(wish(serverId, {}, spec))
    const first = startKilledAt(step, serverId)
    await reported(serverId).toMatchObject({ state: 'RUNNING' })
    scene.host.runtime.exit(serverId, { code: 3 })
    expect(await first.ended).toBe('SIGKILL')
    start()
    await reported(serverId).toMatchObject({ state: 'RUNNING', lastExit: { code: 3, reason: 'CRASHED' }, restart: null })
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED', 'RESTART_PLANNED', 'STARTED', 'READY'])
    expect(starts(serverId)).toBe(2)
    expect(scene.host.attached()).toEqual([serverId])
  })
})

describe('an agent that is killed while it installs anew', () => {
  const install = { script: 'echo hi', interpreter: ['/bin/sh'], timeoutSeconds: 60 }

  async function cut(step: string) {
    const serverId = randomUUID()
    scene.host.runtime.script(`${serverId}-install`, { output: 'unpacking\n', writes: { world: 'new', extra: 'new' }, exitsWith: 0 })
    scene.api.assign(wish(serverId, { desiredState: 'STOPPED' }, { install }))
    mkdirSync(filesOf(serverId), { recursive: true })
    writeFileSync(path.join(filesOf(serverId), 'world'), 'old')
    const command = order(serverId, 'INSTALL', { installationId: randomUUID() })
    scene.api.command(command)
    const first = startKilledAt(`install:${step}`, serverId)
    expect(await first.ended).toBe('SIGKILL')
    start()
    return { serverId, command }
  }
  const outcome = (installationId: string | null) =>
    expect.poll(() => scene.api.installations.findLast((seen) => seen.installationId === installationId), { timeout: 15_000 })

  it.each(['begun', 'image', 'copied', 'container', 'ended'])('at install:%s: undone, and told', async (step) => {
    const { serverId, command } = await cut(step)
    await result(command).toMatchObject({ status: 'FAILED', errorCode: 'INTERRUPTED' })
    await outcome(command.installationId).toMatchObject({ status: 'FAILED' })
    await reported(serverId).toMatchObject({ isInstalled: true, state: 'STOPPED', problem: { code: 'INSTALL_INTERRUPTED' } })
    await happened(serverId).toEqual(['INSTALL_CUT'])
    expect(readdirSync(filesOf(serverId))).toEqual(['world'])
    expect(readFileSync(path.join(filesOf(serverId), 'world'), 'utf8')).toBe('old')
    expect(existsSync(path.join(rootOf(serverId), 'staging'))).toBe(false)
    expect(await scene.host.runtime.list()).toEqual([])
    expect(scene.host.attached()).toEqual([])
  })

  it.each(['switched', 'stored'])('at install:%s: finished, and told', async (step) => {
    const { serverId, command } = await cut(step)
    await result(command).toMatchObject({ status: 'DONE' })
    await outcome(command.installationId).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 })
    expect(scene.api.installLog(command.installationId ?? '')).toContain('unpacking\n')
    await reported(serverId).toMatchObject({ isInstalled: true, problem: null })
    expect(readdirSync(filesOf(serverId)).sort()).toEqual(['extra', 'world'])
    expect(readdirSync(rootOf(serverId)).sort()).toEqual(['files', 'install', 'logs'])
    expect(scene.host.runtime.calls.filter((call) => call === `start ${serverId}-install`)).toHaveLength(1)
    expect(await scene.host.runtime.list()).toEqual([])
  })
})

describe('an agent that is killed while it removes a server', () => {
  it.each(['begun', 'container', 'network', 'files', 'stored'])('at remove:%s', async (step) => {
    const serverId = randomUUID()
    game(serverId)
    scene.api.assign(wish(serverId))
    const first = startKilledAt(`remove:${step}`, serverId)
    await reported(serverId).toMatchObject({ state: 'RUNNING' })
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED', isRemoved: true }))
    expect(await first.ended).toBe('SIGKILL')
    start()
    await reported(serverId).toMatchObject({ isRemoved: true })
    expect(await scene.host.runtime.list()).toEqual([])
    expect(scene.host.attached()).toEqual([])
    expect(existsSync(rootOf(serverId))).toBe(false)
  })
})
