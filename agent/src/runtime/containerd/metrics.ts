import { readFileSync } from 'node:fs'
import { Metrics as MetricsV1 } from './generated/github.com/containerd/cgroups/v3/cgroup1/stats/metrics.ts'
import { Metrics as MetricsV2 } from './generated/github.com/containerd/cgroups/v3/cgroup2/stats/metrics.ts'

/** Counters of one task, without its network and its processes: neither cgroup version counts those. */
export type CgroupCounters = {
  cpuNanoseconds: bigint
  /** Working set: used without what the kernel can drop at once. */
  memoryBytes: number
  memoryLimitBytes: number
  diskReadBytes: number
  diskWriteBytes: number
}

/** A limit that is not set is the largest number of the kernel, beyond what a JSON integer can be. */
const bounded = (value: bigint) => Number(value < BigInt(Number.MAX_SAFE_INTEGER) ? value : BigInt(Number.MAX_SAFE_INTEGER))

type Operation = { op: string; value: bigint }

const sum = (operations: readonly Operation[], op: string) =>
  Number(operations.filter((entry) => entry.op.toLowerCase() === op).reduce((total, entry) => total + entry.value, 0n))

function decodeV1(bytes: Uint8Array): CgroupCounters {
  const metrics = MetricsV1.decode(bytes)
  const usage = metrics.memory?.usage
  const disk = metrics.blkio?.ioServiceBytesRecursive ?? []
  return {
    cpuNanoseconds: metrics.cpu?.usage?.total ?? 0n,
    memoryBytes: Math.max(0, Number((usage?.usage ?? 0n) - (metrics.memory?.totalInactiveFile ?? 0n))),
    memoryLimitBytes: bounded(usage?.limit ?? 0n),
    diskReadBytes: sum(disk, 'read'),
    diskWriteBytes: sum(disk, 'write'),
  }
}

function decodeV2(bytes: Uint8Array): CgroupCounters {
  const metrics = MetricsV2.decode(bytes)
  const entries = metrics.io?.usage ?? []
  return {
    cpuNanoseconds: (metrics.cpu?.usageUsec ?? 0n) * 1000n,
    memoryBytes: Math.max(0, Number((metrics.memory?.usage ?? 0n) - (metrics.memory?.inactiveFile ?? 0n))),
    memoryLimitBytes: bounded(metrics.memory?.usageLimit ?? 0n),
    diskReadBytes: Number(entries.reduce((total, entry) => total + entry.rbytes, 0n)),
    diskWriteBytes: Number(entries.reduce((total, entry) => total + entry.wbytes, 0n)),
  }
}

/** Decodes what containerd packs as `Any`; null for a kind that this version does not know. */
export function decodeCounters(typeUrl: string, bytes: Uint8Array): CgroupCounters | null {
  if (typeUrl.endsWith('io.containerd.cgroups.v1.Metrics')) return decodeV1(bytes)
  if (typeUrl.endsWith('io.containerd.cgroups.v2.Metrics')) return decodeV2(bytes)
  return null
}

/** Bytes received and sent over all interfaces but loopback, from the text of `/proc/<pid>/net/dev`. */
export function parseNetDev(text: string): { rx: number; tx: number } {
  let rx = 0
  let tx = 0
  for (const line of text.split('\n').slice(2)) {
    const [name = '', numbers = ''] = line.split(':')
    const fields = numbers.trim().split(/\s+/).map(Number)
    if (name.trim() === 'lo' || fields.length < 9) continue
    rx += fields[0] ?? 0
    tx += fields[8] ?? 0
  }
  return { rx, tx }
}

/** The counters of a task's network namespace; zeros when the process has just gone. */
export function readNetwork(pid: number): { rx: number; tx: number } {
  try {
    return parseNetDev(readFileSync(`/proc/${String(pid)}/net/dev`, 'utf8'))
  } catch {
    return { rx: 0, tx: 0 }
  }
}
