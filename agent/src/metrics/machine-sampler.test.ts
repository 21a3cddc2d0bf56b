import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMachineSampler, type MachineSampler } from './machine-sampler.ts'
import { readMachine, type MachineCounters, type NodeSample } from './machine.ts'

let kept: NodeSample[]
let live: NodeSample[]
let sampler: MachineSampler
let counters: MachineCounters
let isReadable: boolean

beforeEach(async () => {
  counters = await readMachine('/')
  vi.useFakeTimers()
  ;[kept, live, isReadable] = [[], [], true]
  let time = 0
  sampler = createMachineSampler({
    read: () => {
      if (!isReadable) return Promise.reject(new Error('not now'))
      // Each second every counter grows by as much.
      time = Date.now()
      return Promise.resolve({ ...counters, allTicks: counters.allTicks + time, networkRxBytes: counters.networkRxBytes + time })
    },
    containerCount: () => 2,
    monotonicMs: () => Date.now(),
    now: () => new Date(),
    everySeconds: () => 30,
    onSample: (sample) => kept.push(sample),
    onLiveSample: (sample) => live.push(sample),
  })
})

afterEach(() => {
  sampler.close()
  vi.useRealTimers()
})

it('keeps a measurement at the given rate, of all the time since the one before', async () => {
  await vi.advanceTimersByTimeAsync(31_000)
  expect(kept).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(kept).toHaveLength(3)
  for (const sample of kept) expect(sample).toMatchObject({ networkRxBytesPerSecond: 1000, containerCount: 2 })
  expect(live).toEqual([])
})

it('measures every second while somebody watches, without harm to what is kept', async () => {
  sampler.watch(true)
  await vi.advanceTimersByTimeAsync(31_000)
  expect(live).toHaveLength(29)
  expect(kept).toHaveLength(1)
  expect(kept[0]).toMatchObject({ networkRxBytesPerSecond: 1000 })
  sampler.watch(false)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(live).toHaveLength(29)
})

it('has figures for who asks before the first reading', async () => {
  sampler.refresh()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(live).toHaveLength(1)
})

it('goes on after what it could not read', async () => {
  await vi.advanceTimersByTimeAsync(2000)
  isReadable = false
  await vi.advanceTimersByTimeAsync(40_000)
  expect(kept).toEqual([])
  isReadable = true
  await vi.advanceTimersByTimeAsync(1000)
  expect(kept).toHaveLength(1)
})

it('measures once more when it is asked to, for now only', async () => {
  await vi.advanceTimersByTimeAsync(5000)
  sampler.refresh()
  await vi.advanceTimersByTimeAsync(26_000)
  expect(live).toHaveLength(1)
  expect(kept).toHaveLength(1)
  expect(kept[0]).toMatchObject({ networkRxBytesPerSecond: 1000 })
})
