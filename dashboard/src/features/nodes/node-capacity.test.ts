import { expect, it } from 'vitest'
import { freeOf, lacking } from './node-capacity.ts'

const node = {
  isOnline: true,
  capacity: { memoryMiB: 4096, cpuPercent: 200, diskMiB: 10_000 },
  allocated: { memoryMiB: 3072, cpuPercent: 300, diskMiB: 0 },
}

it('counts what is left, never below nothing', () => {
  expect(freeOf(node)).toEqual({ memoryMiB: 1024, cpuPercent: 0, diskMiB: 10_000 })
  expect(freeOf({ ...node, capacity: null })).toBeNull()
})

it('names what is lacking; processor time may be promised twice', () => {
  expect(lacking(node, { memoryMiB: 2048, cpuPercent: 100, diskMiB: 1 })).toBe('memoryMiB')
  expect(lacking(node, { memoryMiB: 512, cpuPercent: 100, diskMiB: 20_000 })).toBe('diskMiB')
  expect(lacking(node, { memoryMiB: 512, cpuPercent: 100, diskMiB: 1000 })).toBeNull()
})
