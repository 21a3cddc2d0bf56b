import { expect, it } from 'vitest'
import { freeOf, headroom, lacking, usedOf } from './node-capacity.ts'

const node = {
  capacity: { memoryMiB: 4096, cpuPercent: 200, diskMiB: 10_000 },
  allocated: { memoryMiB: 3072, cpuPercent: 250, diskMiB: 0 },
  overcommit: { memoryPercent: 100, cpuPercent: 150, diskPercent: 50 },
}

it('counts what is left to promise, by the overcommit, never below nothing', () => {
  expect(freeOf(node)).toEqual({ memoryMiB: 1024, cpuPercent: 50, diskMiB: 5000 })
  expect(freeOf({ ...node, allocated: { ...node.allocated, memoryMiB: 5000 } })?.memoryMiB).toBe(0)
  expect(freeOf({ ...node, capacity: null })).toBeNull()
})

it('names the first resource that is lacking', () => {
  expect(lacking(node, { memoryMiB: 2048, cpuPercent: 50, diskMiB: 1 })).toBe('memoryMiB')
  expect(lacking(node, { memoryMiB: 512, cpuPercent: 100, diskMiB: 1 })).toBe('cpuPercent')
  expect(lacking(node, { memoryMiB: 512, cpuPercent: 50, diskMiB: 20_000 })).toBe('diskMiB')
  expect(lacking(node, { memoryMiB: 512, cpuPercent: 50, diskMiB: 1000 })).toBeNull()
})

it('weighs a node by what would be scarcest on it', () => {
  // 512 of 4096 MiB, 0 of 300 %, 4000 of 5000 MiB stay.
  expect(headroom(node, { memoryMiB: 512, cpuPercent: 50, diskMiB: 1000 })).toBe(0)
  expect(headroom(node, { memoryMiB: 512, cpuPercent: 20, diskMiB: 1000 })).toBeCloseTo(0.1)
  expect(headroom({ ...node, capacity: null }, { memoryMiB: 1, cpuPercent: 1, diskMiB: 1 })).toBe(Number.NEGATIVE_INFINITY)
})

it('reads measurements in the units of the capacity', () => {
  expect(usedOf({ memoryBytes: 2 ** 30, cpuPercent: 61, diskBytes: 2 ** 21 })).toEqual({ memoryMiB: 1024, cpuPercent: 61, diskMiB: 2 })
  expect(usedOf(null)).toBeNull()
})
