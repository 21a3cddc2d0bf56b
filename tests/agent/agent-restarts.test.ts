import { describe, expect, it } from 'vitest'
import { order, restart, useAgentScene, wish } from '../support/agent-scene.ts'

const scene = useAgentScene()
const { start, reported, text, result, starts, happened, running, crash, outage } = scene

describe('a crash', () => {
  it('is followed by a restart, which is told before it comes', async () => {
    start()
    const serverId = await running({}, restart())
    crash(serverId)
    await expect
      .poll(() => scene.api.reports.find((report) => report.serverId === serverId && report.restart !== null), { timeout: 15_000 })
      .toMatchObject({ state: 'CRASHED', isSettled: false, restart: { attempt: 1, reason: 'Ended with code 3' } })
    await reported(serverId).toMatchObject({ state: 'RUNNING', restart: null, lastExit: { code: 3, reason: 'CRASHED' } })
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED', 'RESTART_PLANNED', 'STARTED', 'READY'])
    const [, , exited, planned] = scene.events(serverId)
    expect(exited).toMatchObject({ code: 3, reason: 'CRASHED' })
    expect(planned).toMatchObject({ attempt: 1, message: 'Ended with code 3' })
    expect(Date.parse(planned?.nextAt ?? '') - Date.parse(exited?.at ?? '')).toBeGreaterThan(400)
    await text(serverId).toContain('(restart 1 of 5)')
  })

  it('that comes too often is given up for good, also after a reconnect', async () => {
    start()
    const serverId = await running({}, restart({ maximumRestarts: 1 }))
    crash(serverId)
    await expect.poll(() => starts(serverId), { timeout: 15_000 }).toBe(2)
    await reported(serverId).toMatchObject({ state: 'RUNNING' })
    crash(serverId, 4)
    await reported(serverId).toMatchObject({ state: 'CRASHED', isSettled: true, restart: null, problem: { code: 'CRASH_LIMIT' } })
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED', 'RESTART_PLANNED', 'STARTED', 'READY', 'EXITED', 'GAVE_UP'])
    await (
      await outage()
    )()
    await reported(serverId).toMatchObject({ state: 'CRASHED', isSettled: true })
    expect(starts(serverId)).toBe(2)
    // A new wish starts with a clean count.
    scene.api.assign(wish(serverId, { generation: 2 }, restart({ maximumRestarts: 1 })))
    await reported(serverId).toMatchObject({ state: 'RUNNING', problem: null })
    crash(serverId)
    await reported(serverId).toMatchObject({ state: 'RUNNING', lastExit: { code: 3 } })
  })

  it.each([
    ['ALWAYS', 0, 'STOPPED', 'RUNNING'],
    ['ON_FAILURE', 0, 'STOPPED', 'STOPPED'],
    ['ON_FAILURE', 7, 'STOPPED', 'STOPPED'],
    ['NEVER', 3, 'CRASHED', 'CRASHED'],
  ] as const)('by the policy %s with code %i is %s, then %s', async (policy, code, reason, state) => {
    start()
    const serverId = await running({}, restart({ policy, cleanExitCodes: [0, 7] }))
    crash(serverId, code)
    await happened(serverId).toContain('EXITED')
    await reported(serverId).toMatchObject({ state, isSettled: state !== 'RUNNING', lastExit: { code, reason } })
    expect(starts(serverId)).toBe(state === 'RUNNING' ? 2 : 1)
  })

  it.each([
    ['of lack of memory', { code: 137, outOfMemory: true }, 'OUT_OF_MEMORY'],
    ['by a signal from outside', { code: 137 }, 'KILLED'],
    ['that nobody saw', { code: null }, 'UNKNOWN'],
  ] as const)('%s is told as such', async (_, exit, reason) => {
    start()
    const serverId = await running()
    scene.host.runtime.exit(serverId, exit)
    await reported(serverId).toMatchObject({ state: 'CRASHED', isSettled: true, lastExit: { reason } })
  })
})

describe('while a restart waits', () => {
  /** A server whose next restart is minutes away. */
  async function waiting() {
    start()
    const rule = restart({ maximumRestarts: 20 })
    const serverId = await running({}, rule)
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      crash(serverId)
      await expect.poll(() => starts(serverId), { timeout: 15_000 }).toBe(attempt + 1)
      await reported(serverId).toMatchObject({ state: 'RUNNING' })
    }
    crash(serverId)
    await reported(serverId).toMatchObject({ state: 'CRASHED', restart: { attempt: 4 } })
    return { serverId, rule }
  }

  it('a start starts now, a reconnect does not', async () => {
    const { serverId, rule } = await waiting()
    const before = scene.api.sessions()
    scene.api.cut()
    await expect.poll(() => scene.api.sessions(), { timeout: 15_000 }).toBeGreaterThan(before)
    const at = Date.parse(scene.api.report(serverId)?.restart?.at ?? '')
    if (Date.now() < at - 500) expect(starts(serverId)).toBe(4)
    scene.api.assign(wish(serverId, { generation: 2 }, rule))
    await reported(serverId).toMatchObject({ state: 'RUNNING', generation: 2, restart: null })
    expect(starts(serverId)).toBe(5)
  })

  it.each(['stop', 'kill'])('a %s calls it off', async (kind) => {
    const { serverId, rule } = await waiting()
    scene.api.assign(wish(serverId, { generation: 2, desiredState: 'STOPPED' }, rule))
    if (kind === 'kill') {
      const kill = order(serverId, 'KILL', { generation: 2 })
      scene.api.command(kill)
      await result(kill).toMatchObject({ status: 'DONE' })
    }
    await reported(serverId).toMatchObject({ state: 'STOPPED', generation: 2, restart: null })
    await text(serverId).toContain('The restart was cancelled')
    expect(starts(serverId)).toBe(4)
  })

  it('the agent may die: the next one restarts in time', async () => {
    const first = start()
    const serverId = await running({}, restart())
    crash(serverId)
    await expect
      .poll(() => scene.api.reports.some((report) => report.serverId === serverId && report.restart !== null), {
        timeout: 15_000,
        interval: 5,
      })
      .toBe(true)
    await first.kill()
    expect(starts(serverId)).toBe(1)
    start()
    await reported(serverId).toMatchObject({ state: 'RUNNING', restart: null })
    expect(starts(serverId)).toBe(2)
    await happened(serverId).toEqual(['STARTED', 'READY', 'EXITED', 'RESTART_PLANNED', 'STARTED', 'READY'])
  })
})
