import { describe, expect, it } from 'vitest'
import { Metrics as MetricsV1 } from './generated/github.com/containerd/cgroups/v3/cgroup1/stats/metrics.ts'
import { Metrics as MetricsV2 } from './generated/github.com/containerd/cgroups/v3/cgroup2/stats/metrics.ts'
import { decodeCounters, parseNetDev } from './metrics.ts'

/** What containerd 1.6.20 answered for a small shell of 64 MiB on a host with cgroup version 1. */
const RECORDED_V1 =
  'EgQIAhAgGhkKEwityO4SGICHpw4iB7r6YfPNjBISAggCIqcBCIDgEBCAgAcggMAOOJIGQLAFSPYHUANYgMACYIAgaICAAXCA4A+AAYCAgCCIAYCAgCCQAYDgEJgBgIAHqAGAwA7AAZIGyAGwBdAB9gfYAQPgAYDAAugBgCDwAYCAAfgBgOAPigIOCICAgCAQgKAyGICg2gGSAg4IgICAIBCAoDIYgKDaAZoCEgiA4P///////38QgMAUGIDgJKICCgiA4P///////38qAEoA'

/** The same of Debian's kernel with cgroup version 2 and systemd's driver, three processes and 3 MiB written. */
const RECORDED_V2 =
  'CgQIAxAgEg4IsNQyEJHeMBie9gEgByI3CIDACRCAgMABGICAAyDwhBJYgKAJYIAgaICAwAGAAbjECYgBuMAIkAGtEYACgIDjAYgCgICAICoAMgsKCQhiIICAwAEwYUIA'

describe('decodeCounters', () => {
  it('reads version 1', () => {
    expect(decodeCounters('io.containerd.cgroups.v1.Metrics', Buffer.from(RECORDED_V1, 'base64'))).toEqual({
      cpuNanoseconds: 39_560_237n,
      memoryBytes: 806_912,
      memoryLimitBytes: 64 * 2 ** 20,
      diskReadBytes: 0,
      diskWriteBytes: 0,
    })
  })

  it('reads version 2', () => {
    expect(decodeCounters('io.containerd.cgroups.v2.Metrics', Buffer.from(RECORDED_V2, 'base64'))).toEqual({
      cpuNanoseconds: 830_000_000n,
      memoryBytes: 573_440,
      memoryLimitBytes: 64 * 2 ** 20,
      diskReadBytes: 0,
      diskWriteBytes: 3 * 2 ** 20,
    })
  })

  it.each([
    ['io.containerd.cgroups.v1.Metrics', MetricsV1.encode(MetricsV1.fromPartial({ memory: { usage: { limit: 2n ** 63n - 4096n } } }))],
    ['io.containerd.cgroups.v2.Metrics', MetricsV2.encode(MetricsV2.fromPartial({ memory: { usageLimit: 2n ** 64n - 1n } }))],
  ])('shows a limit that is not set as the largest number that can be sent: %s', (type, writer) => {
    expect(decodeCounters(type, writer.finish())?.memoryLimitBytes).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('adds up the disks of version 2, where a process limit that is not set is 2⁶⁴ − 1', () => {
    const bytes = MetricsV2.encode(
      MetricsV2.fromPartial({
        pids: { current: 3n, limit: 2n ** 64n - 1n },
        cpu: { usageUsec: 1_500_000n },
        memory: { usage: 50_000_000n, usageLimit: 67_108_864n, inactiveFile: 20_000_000n },
        io: {
          usage: [
            { rbytes: 4096n, wbytes: 8192n },
            { rbytes: 1n, wbytes: 2n },
          ],
        },
      }),
    ).finish()
    expect(decodeCounters('types.containerd.io/io.containerd.cgroups.v2.Metrics', bytes)).toEqual({
      cpuNanoseconds: 1_500_000_000n,
      memoryBytes: 30_000_000,
      memoryLimitBytes: 67_108_864,
      diskReadBytes: 4097,
      diskWriteBytes: 8194,
    })
  })

  it('never shows less than nothing, and leaves alone what it does not know', () => {
    const bytes = MetricsV2.encode(MetricsV2.fromPartial({ memory: { usage: 10n, inactiveFile: 20n } })).finish()
    expect(decodeCounters('io.containerd.cgroups.v2.Metrics', bytes)?.memoryBytes).toBe(0)
    expect(decodeCounters('io.containerd.cgroups.v3.Metrics', bytes)).toBeNull()
  })
})

describe('parseNetDev', () => {
  it('adds up every interface but loopback', () => {
    const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  111     1    0    0    0     0          0         0      111       1    0    0    0     0       0          0
  eth0: 1234567    20    0    0    0     0          0         0     7654       9    0    0    0     0       0          0
  eth1:1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0
`
    expect(parseNetDev(text)).toEqual({ rx: 1_234_568, tx: 7657 })
    expect(parseNetDev('')).toEqual({ rx: 0, tx: 0 })
  })
})
