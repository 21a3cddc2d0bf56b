import { expect, it } from 'vitest'
import { createGate } from './gate.ts'

it('lets so many in at once, in order, also after one has failed', async () => {
  const gate = createGate(2)
  const log: string[] = []
  const ends = new Map<string, () => void>()
  const work = (name: string) =>
    gate(async () => {
      log.push(name)
      await new Promise<void>((resolve) => ends.set(name, resolve))
      if (name === 'b') throw new Error('b failed')
    })
  const all = ['a', 'b', 'c', 'd'].map((name) => work(name).catch((error: unknown) => log.push(String(error))))
  await Promise.resolve()
  expect(log).toEqual(['a', 'b'])
  ends.get('b')?.()
  await expect.poll(() => log.toSorted()).toEqual(['Error: b failed', 'a', 'b', 'c'])
  ends.get('a')?.()
  await expect.poll(() => log.at(-1)).toBe('d')
  ends.get('c')?.()
  ends.get('d')?.()
  await Promise.all(all)
})
