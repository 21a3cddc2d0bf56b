import { expect, it } from 'vitest'
import type { RunSample } from '../runtime/runtime.ts'
import { toServerSample } from './sampler.ts'

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
