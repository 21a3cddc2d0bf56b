import { statfsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { order, useAgentScene } from '../support/agent-scene.ts'

const MIB = 2 ** 20
const DISK_MIB = 64
const scene = useAgentScene({ diskMiB: DISK_MIB })

const freeShare = () => {
  const { bavail, blocks } = statfsSync(scene.folder)
  return bavail / blocks
}

it('gives up the middle of what waits when the disk is nearly full, and the game goes on', async () => {
  scene.start()
  const serverId = await scene.running()
  await scene.text(serverId).toContain('ready to play')
  const comeBack = await scene.outage()
  writeFileSync(path.join(scene.folder, 'ballast'), Buffer.alloc(49 * MIB))
  expect(freeShare()).toBeGreaterThan(0.1)
  // Below the budget of a flood: the disk alone is the reason.
  const lines = Array.from({ length: 12 * 1024 }, (_, index) => `line ${String(index).padStart(6, '0')}`.padEnd(1023, '.'))
  scene.host.runtime.emit(serverId, `${lines.join('\n')}\n`)
  expect(freeShare()).toBeLessThan(0.1)
  await expect.poll(freeShare, { timeout: 10_000 }).toBeGreaterThan(0.1)
  scene.host.runtime.emit(serverId, 'still here\n')

  await comeBack()
  await scene.text(serverId).toContain('still here')
  const gaps = scene.api.parts(serverId).filter(({ gap }) => gap > 0)
  const missing = gaps.reduce((total, { gap }) => total + gap, 0)
  expect(missing).toBeGreaterThan(8 * MIB)
  expect(missing).toBeLessThan(11 * MIB)
  // Both ends are kept.
  const text = scene.api.text(serverId)
  for (const kept of [0, 1000, 11_500, 12_287]) expect(text).toContain(lines[kept])
  expect(text).not.toContain(lines[6000])
  const say = order(serverId, 'CONSOLE_INPUT', { consoleInput: 'hello' })
  scene.api.command(say)
  await scene.result(say).toMatchObject({ status: 'DONE' })
  await scene.text(serverId).toContain('echo hello')
})
