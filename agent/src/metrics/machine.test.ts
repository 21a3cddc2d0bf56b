import os from 'node:os'
import { describe, expect, it } from 'vitest'
import { parseCpu, parseDisks, parseInterfaces, parseMemory, parseUplinks, readMachine, toNodeSample } from './machine.ts'

describe('what the kernel says', () => {
  it('of processors: idle and waiting for disks is not busy, time of guests is counted once', () => {
    const text = 'cpu  100 10 30 800 50 4 5 1 70 7\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1\n'
    expect(parseCpu(text)).toEqual({ busyTicks: 150, allTicks: 1000 })
  })

  it('of memory: what the kernel can give up is not used', () => {
    const text = 'MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    6000 kB\n'
    expect(parseMemory(text)).toEqual({ memoryBytes: 2000 * 1024, memoryLimitBytes: 8000 * 1024 })
  })

  it('of disks: whole ones only', () => {
    const text = ` 253       0 vda 100 0 2000 10 50 0 4000 20 0 0 0
 253       1 vda1 90 0 1900 10 50 0 4000 20 0 0 0
   7       0 loop0 90 0 1900 10 50 0 4000 20 0 0 0
`
    expect(parseDisks(text, new Set(['vda']))).toEqual({ diskReadBytes: 2000 * 512, diskWriteBytes: 4000 * 512 })
  })

  it('of interfaces: those that lead out', () => {
    const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
ct0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`
    const devices = `Inter-|   Receive
 face |bytes
    lo: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0
  eth0: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0
   ct0: 7 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0
`
    expect(parseInterfaces(devices, parseUplinks(routes))).toEqual({ networkRxBytes: 100, networkTxBytes: 200 })
  })

  it('of this machine can be read', async () => {
    const machine = await readMachine('/')
    expect(machine.allTicks).toBeGreaterThan(machine.busyTicks)
    expect(machine.memoryLimitBytes).toBe(os.totalmem())
    expect(machine.memoryBytes).toBeGreaterThan(0)
    expect(machine.diskBytes).toBeLessThan(machine.diskLimitBytes)
  })
})

it('counts rates by the time between two readings', async () => {
  const before = await readMachine('/')
  const half = { ...before, allTicks: before.allTicks + 1000, busyTicks: before.busyTicks + 500, diskReadBytes: before.diskReadBytes + 100 }
  const sample = toNodeSample(before, { ...half, networkTxBytes: before.networkTxBytes - 5 }, 2000, new Date(0), 3)
  expect(sample).toMatchObject({
    at: '1970-01-01T00:00:00.000Z',
    cpuPercent: os.cpus().length * 50,
    diskReadBytesPerSecond: 50,
    // A counter that began anew, as that of an interface that was replaced, is no rate below nothing.
    networkTxBytesPerSecond: 0,
    containerCount: 3,
  })
  expect(toNodeSample(before, before, 1000, new Date(), 0)).toBeNull()
})
