import { randomUUID } from 'node:crypto'
import os from 'node:os'
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { order, useAgentScene, wish } from '../support/agent-scene.ts'

const scene = useAgentScene()
const { start, game, reported, text, result, starts, pidOf, running } = scene

describe('a session', () => {
  it('enrols, runs a game, types into it and stops it', async () => {
    start()
    const serverId = await running()
    expect(scene.api.reports.filter((report) => report.serverId === serverId).map(({ state }) => state)).toContain('STARTING')

    const input = order(serverId, 'CONSOLE_INPUT', { consoleInput: 'status' })
    scene.api.command(input)
    await result(input).toMatchObject({ status: 'DONE' })
    await text(serverId).toContain('echo status')

    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }))
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2, lastExit: { code: 0, reason: 'STOPPED' } })
    await text(serverId).toBe('Starting\nloading\nready to play\nstatus\necho status\nquit\necho quit\nEnded with code 0\n')
    expect(
      scene.api
        .parts(serverId)
        .filter(({ kind }) => kind === 'INPUT')
        .map((part) => part.text),
    ).toEqual(['status\n', 'quit\n'])
    expect(statSync(path.join(scene.folder, 'agent', 'key')).mode & 0o777).toBe(0o600)
    expect(scene.host.attached()).toEqual([])
  })

  it('goes on after a cut: no second start, no byte lost or twice', async () => {
    start()
    const serverId = await running()
    const pid = await pidOf(serverId)
    for (let round = 0; round < 3; round += 1) {
      const before = scene.api.sessions()
      for (let line = 0; line < 200; line += 1) {
        scene.host.runtime.emit(serverId, `round ${String(round)} line ${String(line)} über\n`)
        if (line === 100) scene.api.cut()
      }
      await expect.poll(() => scene.api.sessions(), { timeout: 15_000 }).toBeGreaterThan(before)
      await text(serverId).toContain(`round ${String(round)} line 199 über\n`)
    }
    const lines = scene.api
      .text(serverId)
      .split('\n')
      .filter((line) => line.startsWith('round'))
    expect(lines).toEqual(
      [0, 1, 2].flatMap((round) => Array.from({ length: 200 }, (_, line) => `round ${String(round)} line ${String(line)} über`)),
    )
    expect(await pidOf(serverId)).toBe(pid)
    expect(starts(serverId)).toBe(1)
  })

  it('tells after a cut when each line of it was written', async () => {
    start()
    const serverId = await running()
    const comeBack = await scene.outage()
    const wanted = []
    for (let line = 0; line < 3; line += 1) {
      wanted.push({ line: `away ${String(line)}\n`, at: Date.now() })
      scene.host.runtime.emit(serverId, `away ${String(line)}\n`)
      // The times are what is looked at.
      await delay(2500)
    }
    await comeBack()
    await text(serverId).toContain('away 2\n')
    const parts = scene.api.parts(serverId)
    for (const { line, at } of wanted) {
      const told = Date.parse(parts.find((part) => part.text.includes(line))?.at ?? '')
      expect(told).toBeGreaterThanOrEqual(at)
      expect(told).toBeLessThan(at + 2000)
    }
    const times = parts.map((part) => part.at)
    expect(times).toEqual(times.toSorted())
  })

  it('sends again what the api had not made durable when it died', async () => {
    start()
    const serverId = await running()
    await text(serverId).toContain('ready to play')
    scene.api.holdConsole(true)
    scene.host.runtime.emit(serverId, 'seen but not stored\n')
    await text(serverId).toContain('seen but not stored')
    scene.api.holdConsole(false)
    scene.api.crash()
    await text(serverId).toBe('Starting\nloading\nready to play\nseen but not stored\n')
  })

  it('repeats a report whose answer was lost', async () => {
    start()
    const serverId = await running()
    const input = order(serverId, 'CONSOLE_INPUT', { consoleInput: 'once' })
    scene.api.loseAnswerOf('reportCommands')
    scene.api.command(input)
    await expect.poll(() => scene.api.results.filter(({ commandId }) => commandId === input.id).length, { timeout: 15_000 }).toBe(2)
    await text(serverId).toContain('echo once')
    expect(scene.api.text(serverId).match(/echo once/g)).toHaveLength(1)
  })

  it('measures what somebody watches', async () => {
    start()
    const serverId = await running()
    scene.api.watch([serverId])
    await expect
      .poll(() => scene.api.samples.filter((sample) => sample.serverId === serverId).length, { timeout: 15_000 })
      .toBeGreaterThan(1)
    expect(scene.api.samples.at(-1)).toMatchObject({ serverId, memoryLimitBytes: 256 * 2 ** 20 })
  })

  it('measures the machine itself, and for now when somebody watches it', async () => {
    start()
    await expect.poll(() => scene.api.storedNodeSamples.length, { timeout: 15_000 }).toBeGreaterThan(0)
    // A session that begins is told once how it is.
    expect(scene.api.nodeSamples.length).toBeLessThanOrEqual(1)
    scene.api.watch([], true)
    await expect.poll(() => scene.api.nodeSamples.length, { timeout: 15_000 }).toBeGreaterThan(2)
    expect(scene.api.nodeSamples.at(-1)).toMatchObject({ memoryLimitBytes: os.totalmem(), containerCount: 0 })
  })
})

describe('orders', () => {
  it('applies a command once, however often it comes', async () => {
    start()
    const serverId = await running()
    const input = order(serverId, 'CONSOLE_INPUT', { consoleInput: 'hello' })
    scene.api.command(input)
    await result(input).toMatchObject({ status: 'DONE' })
    scene.api.repeat(input)
    scene.api.repeat(input)
    const last = order(serverId, 'CONSOLE_INPUT', { consoleInput: 'last' })
    scene.api.command(last)
    await result(last).toMatchObject({ status: 'DONE' })
    await text(serverId).toContain('echo last')
    expect(scene.api.text(serverId).match(/echo hello/g)).toHaveLength(1)
  })

  it('ignores an older wish and supersedes its commands', async () => {
    start()
    const serverId = await running({ generation: 5 })
    scene.api.assign(wish(serverId, { generation: 4, desiredState: 'STOPPED' }))
    const old = order(serverId, 'KILL', { generation: 4 })
    scene.api.command(old)
    await result(old).toMatchObject({ status: 'SUPERSEDED' })
    expect(scene.api.report(serverId)).toMatchObject({ state: 'RUNNING', generation: 5 })
  })

  it('refuses what came too late and what is for nobody here', async () => {
    start()
    const serverId = await running()
    const late = order(serverId, 'KILL', { deadlineSeconds: 0 })
    const stray = order(randomUUID(), 'KILL')
    scene.api.command(late)
    scene.api.command(stray)
    await result(late).toMatchObject({ status: 'EXPIRED' })
    await result(stray).toMatchObject({ status: 'FAILED', errorCode: 'NOT_ASSIGNED' })
    expect(scene.api.report(serverId)).toMatchObject({ state: 'RUNNING' })
  })

  it('restarts a running game, and starts one that stands still only once', async () => {
    start()
    const serverId = await running()
    const first = await pidOf(serverId)
    scene.api.assign(wish(serverId, { generation: 2 }))
    const again = order(serverId, 'RESTART', { generation: 2 })
    scene.api.command(again)
    await result(again).toMatchObject({ status: 'DONE' })
    await reported(serverId).toMatchObject({ state: 'RUNNING', generation: 2, isSettled: false })
    expect(await pidOf(serverId)).not.toBe(first)

    scene.api.assign(wish(serverId, { generation: 3, desiredState: 'STOPPED' }))
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 3 })
    const before = starts(serverId)
    scene.api.assign(wish(serverId, { generation: 4 }))
    const fromRest = order(serverId, 'RESTART', { generation: 4 })
    scene.api.command(fromRest)
    await result(fromRest).toMatchObject({ status: 'DONE' })
    await reported(serverId).toMatchObject({ state: 'RUNNING', generation: 4 })
    expect(starts(serverId)).toBe(before + 1)
  })

  it('ends a restart that a stop overtook', async () => {
    start()
    const stop = { command: 'bye', signal: null, timeoutSeconds: 60 }
    const serverId = await running({}, { stop })
    scene.api.assign(wish(serverId, { generation: 2 }, { stop }))
    const again = order(serverId, 'RESTART', { generation: 2 })
    scene.api.command(again)
    await reported(serverId).toMatchObject({ state: 'STOPPING', generation: 2 })
    scene.api.assign(wish(serverId, { generation: 3, desiredState: 'STOPPED' }, { stop }))
    await reported(serverId).toMatchObject({ generation: 3 })
    scene.host.runtime.exit(serverId, { code: 0 })
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 3 })
    await result(again).toMatchObject({ status: 'SUPERSEDED' })
  })

  it('kills what does not stop, and a kill overtakes a stop', async () => {
    start()
    const serverId = await running()
    scene.host.runtime.script(serverId, { hangsOnStop: true })
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }))
    await reported(serverId).toMatchObject({ state: 'STOPPING' })
    scene.api.assign(wish(serverId, { generation: 3, desiredState: 'STOPPED' }))
    const kill = order(serverId, 'KILL', { generation: 3 })
    scene.api.command(kill)
    await result(kill).toMatchObject({ status: 'DONE' })
    await reported(serverId).toMatchObject({ state: 'STOPPED', lastExit: { code: 137, reason: 'KILLED' } })
  })

  it('kills without asking the game first, whichever comes first: the wish or its command', async () => {
    start()
    const serverId = await running()
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED', isKill: true }))
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2, lastExit: { code: 137, reason: 'KILLED' } })
    const kill = order(serverId, 'KILL', { generation: 2 })
    scene.api.command(kill)
    await result(kill).toMatchObject({ status: 'DONE' })
    expect(scene.api.parts(serverId).filter(({ kind }) => kind === 'INPUT')).toEqual([])
  })

  it('uses force when the time to stop is over', async () => {
    start()
    const serverId = await running({}, { stop: { command: null, signal: 'SIGTERM', timeoutSeconds: 1 } })
    scene.host.runtime.script(serverId, { hangsOnStop: true })
    scene.api.assign(
      wish(serverId, { generation: 2, desiredState: 'STOPPED' }, { stop: { command: null, signal: 'SIGTERM', timeoutSeconds: 1 } }),
    )
    await reported(serverId).toMatchObject({ state: 'STOPPED', lastExit: { code: 137, reason: 'KILLED' } })
  })

  it('removes a server with all that is its own, also while it starts', async () => {
    start()
    const serverId = await running()
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED', isRemoved: true }))
    await reported(serverId).toMatchObject({ isRemoved: true })
    await expect.poll(() => existsSync(path.join(scene.folder, 'agent', 'servers', serverId))).toBe(false)
    expect(await scene.host.runtime.list()).toEqual([])
    expect(scene.host.attached()).toEqual([])

    const young = randomUUID()
    const gate = scene.host.holdNext('prepare')
    scene.api.assign(wish(young))
    await gate.reached
    scene.api.assign(wish(young, { generation: 2, desiredState: 'STOPPED', isRemoved: true }))
    // Its wish is stored before the start is let go on.
    await expect.poll(() => scene.api.report(young)?.state).toBe('STARTING')
    gate.open()
    await reported(young).toMatchObject({ isRemoved: true })
    expect(await scene.host.runtime.list()).toEqual([])
    expect(scene.host.attached()).toEqual([])
    expect(existsSync(path.join(scene.folder, 'agent', 'servers', young))).toBe(false)
  })
})

describe('games that do not do as wished', () => {
  it('accepts a clean end and does not start again, also after a reconnect', async () => {
    start()
    const serverId = await running()
    scene.host.runtime.exit(serverId, { code: 0 })
    await reported(serverId).toMatchObject({ state: 'STOPPED', isSettled: true, lastExit: { code: 0, reason: 'STOPPED' } })
    const before = scene.api.sessions()
    scene.api.cut()
    await expect.poll(() => scene.api.sessions(), { timeout: 15_000 }).toBeGreaterThan(before)
    await reported(serverId).toMatchObject({ state: 'STOPPED', isSettled: true })
    expect(starts(serverId)).toBe(1)
  })

  it('tells a crash and a lack of memory apart', async () => {
    start()
    const [crashed, hungry] = [await running(), await running()]
    scene.host.runtime.exit(crashed, { code: 3 })
    scene.host.runtime.exit(hungry, { code: 137, outOfMemory: true })
    await reported(crashed).toMatchObject({ state: 'CRASHED', isSettled: true, lastExit: { code: 3, reason: 'CRASHED' } })
    await reported(hungry).toMatchObject({ state: 'CRASHED', isSettled: true, lastExit: { reason: 'OUT_OF_MEMORY' } })
  })

  it('says why a start failed, and starts when wished anew', async () => {
    start()
    const serverId = randomUUID()
    scene.host.refusePorts(true)
    game(serverId)
    scene.api.assign(wish(serverId))
    await reported(serverId).toMatchObject({ state: 'ERROR', isSettled: true, problem: { code: 'PORT_IN_USE' } })
    await text(serverId).toContain('25500')
    scene.host.refusePorts(false)
    scene.api.assign(wish(serverId, { generation: 2 }))
    await reported(serverId).toMatchObject({ state: 'RUNNING', problem: null, isSettled: false })
    // Never the old failure under the new wish: it would end that.
    expect(scene.api.reports.some(({ generation, state }) => generation === 2 && state === 'ERROR')).toBe(false)
  })
})
