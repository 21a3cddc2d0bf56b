import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RunSample } from '../runtime/runtime.ts'
import { createSampler, toServerSample, type Sampler, type ServerSample } from './sampler.ts'

const sample = (change: Partial<RunSample>): RunSample => ({
  id: 's',
  pid: 1,
  cpuNanoseconds: 0n,
  memoryBytes: 5,
  memoryLimitBytes: 9,
  processCount: 2,
  networkRxBytes: 0,
  networkTxBytes: 0,
  diskReadBytes: 0,
  diskWriteBytes: 0,
  ...change,
})

it('counts rates by the time between two measurements', () => {
  const after = sample({ cpuNanoseconds: 3_000_000_000n, networkRxBytes: 4000, networkTxBytes: 100, diskReadBytes: 10, diskWriteBytes: 20 })
  expect(toServerSample({ sample: sample({}), at: 0 }, after, 2000, new Date(0), 7)).toEqual({
    serverId: 's',
    at: '1970-01-01T00:00:00.000Z',
    cpuPercent: 150,
    memoryBytes: 5,
    memoryLimitBytes: 9,
    diskBytes: 7,
    diskReadBytesPerSecond: 5,
    diskWriteBytesPerSecond: 10,
    networkRxBytesPerSecond: 2000,
    networkTxBytesPerSecond: 50,
    processCount: 2,
  })
})

it('has no rates for a run that has just begun', () => {
  expect(toServerSample({ sample: sample({}), at: 0 }, sample({ pid: 2 }), 1000, new Date(), 0)).toBeNull()
})

describe('what is measured', () => {
  let sampler: Sampler
  let kept: ServerSample[]
  let live: ServerSample[]
  let runs: { id: string; pid: number }[]
  let diskBytes: number | null

  beforeEach(() => {
    vi.useFakeTimers()
    ;[kept, live, runs, diskBytes] = [[], [], [{ id: 'a', pid: 1 }], 7]
    sampler = createSampler({
      // Each second every run receives 1000 bytes, and in the last one of thirty a million more.
      sample: async () => {
        const seconds = Date.now() / 1000
        const bytes = seconds * 1000 + Math.floor(seconds / 30) * 1_000_000
        return runs.map((run) => sample({ ...run, networkRxBytes: bytes }))
      },
      diskBytes: (serverId) => (serverId === 'unknown' ? null : diskBytes),
      monotonicMs: () => Date.now(),
      now: () => new Date(),
      everySeconds: () => 30,
      onSamples: (samples) => kept.push(...samples),
      onLiveSamples: (samples) => live.push(...samples),
    })
    vi.setSystemTime(0)
  })
  afterEach(() => {
    sampler.close()
    vi.useRealTimers()
  })

  it('is kept at the given rate, and covers all the time since the one before, whoever watches', async () => {
    sampler.watch(['a'])
    await vi.advanceTimersByTimeAsync(61_000)
    expect(kept).toHaveLength(2)
    for (const { networkRxBytesPerSecond } of kept) expect(networkRxBytesPerSecond).toBeCloseTo(1000 + 1_000_000 / 30)
    expect(live).toHaveLength(58)
  })

  it('of a new run comes at once, for now only', async () => {
    await vi.advanceTimersByTimeAsync(2000)
    expect(live.map(({ serverId }) => serverId)).toEqual(['a'])
    runs = [
      { id: 'a', pid: 2 },
      { id: 'b', pid: 3 },
    ]
    sampler.refresh()
    await vi.advanceTimersByTimeAsync(2000)
    expect(live.slice(1).map(({ serverId }) => serverId)).toEqual(['a', 'b'])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(live).toHaveLength(3)
    expect(kept).toEqual([])
  })

  it('waits until the disk used is known, and comes at once then', async () => {
    diskBytes = null
    await vi.advanceTimersByTimeAsync(70_000)
    expect([kept, live]).toEqual([[], []])
    diskBytes = 9
    await vi.advanceTimersByTimeAsync(1000)
    expect(live).toMatchObject([{ serverId: 'a', diskBytes: 9 }])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(live).toHaveLength(1)
    expect(kept).toMatchObject([{ diskBytes: 9 }])
  })

  it('is not more of the others while the disk of one is unknown', async () => {
    runs = [
      { id: 'a', pid: 1 },
      { id: 'unknown', pid: 2 },
    ]
    await vi.advanceTimersByTimeAsync(20_000)
    expect(live.map(({ serverId }) => serverId)).toEqual(['a'])
  })

  it('on demand is all, once', async () => {
    runs = [
      { id: 'a', pid: 1 },
      { id: 'b', pid: 2 },
    ]
    await vi.advanceTimersByTimeAsync(10_000)
    live.length = 0
    sampler.refresh()
    await vi.advanceTimersByTimeAsync(5000)
    expect(live.map(({ serverId }) => serverId)).toEqual(['a', 'b'])
  })
})
