import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

/** What the kernel counts of the whole machine. Times in ticks of the scheduler, which are only compared with each other. */
export type MachineCounters = {
  busyTicks: number
  allTicks: number
  loadAverage: number
  memoryBytes: number
  memoryLimitBytes: number
  diskBytes: number
  diskLimitBytes: number
  diskReadBytes: number
  diskWriteBytes: number
  networkRxBytes: number
  networkTxBytes: number
}

/** One measurement of the whole machine. Rates are per second by the monotonic clock. `at` is ISO 8601. */
export type NodeSample = {
  at: string
  /** 100 is one core. */
  cpuPercent: number
  loadAverage: number
  /** What programs cannot have any more: caches that the kernel gives up are not counted. */
  memoryBytes: number
  memoryLimitBytes: number
  diskBytes: number
  diskLimitBytes: number
  diskReadBytesPerSecond: number
  diskWriteBytesPerSecond: number
  networkRxBytesPerSecond: number
  networkTxBytesPerSecond: number
  containerCount: number
}

/** The kernel counts disks in sectors of this size, whatever the disk's own is. */
const SECTOR_BYTES = 512
const IDLE_FIELDS = new Set([3, 4])
/** Steal is the eighth; guests' time is counted in the first two already. */
const CPU_FIELDS = 8

/** Ticks of all processors, from the text of `/proc/stat`. */
export function parseCpu(text: string): { busyTicks: number; allTicks: number } {
  const fields = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '').split(' ').slice(0, CPU_FIELDS).map(Number)
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return { busyTicks: sum(fields.filter((_, index) => !IDLE_FIELDS.has(index))), allTicks: sum(fields) }
}

/** From the text of `/proc/meminfo`. */
export function parseMemory(text: string): { memoryBytes: number; memoryLimitBytes: number } {
  const bytesOf = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  const memoryLimitBytes = bytesOf('MemTotal')
  return { memoryBytes: memoryLimitBytes - bytesOf('MemAvailable'), memoryLimitBytes }
}

/** Bytes of these disks, from the text of `/proc/diskstats`. */
export function parseDisks(text: string, disks: ReadonlySet<string>): { diskReadBytes: number; diskWriteBytes: number } {
  let [read, written] = [0, 0]
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (!disks.has(fields[2] ?? '')) continue
    read += Number(fields[5] ?? 0)
    written += Number(fields[9] ?? 0)
  }
  return { diskReadBytes: read * SECTOR_BYTES, diskWriteBytes: written * SECTOR_BYTES }
}

/** Interfaces of the default routes, from the text of `/proc/net/route`: the others carry what games say to each other, or to us. */
export function parseUplinks(text: string): Set<string> {
  const rows = text.split('\n').map((line) => line.split('\t'))
  return new Set(
    rows.flatMap(([name = '', destination = '', , , , , , mask = '']) => (destination === '00000000' && mask === '00000000' ? [name] : [])),
  )
}

/** Bytes over these interfaces, from the text of `/proc/net/dev`. */
export function parseInterfaces(text: string, names: ReadonlySet<string>): { networkRxBytes: number; networkTxBytes: number } {
  let [rx, tx] = [0, 0]
  for (const line of text.split('\n').slice(2)) {
    const [name = '', numbers = ''] = line.split(':')
    if (!names.has(name.trim())) continue
    const fields = numbers.trim().split(/\s+/).map(Number)
    rx += fields[0] ?? 0
    tx += fields[8] ?? 0
  }
  return { networkRxBytes: rx, networkTxBytes: tx }
}

/** Whole disks that are devices: their partitions, and what is made of them, would be counted twice. */
function readDisks(): Set<string> {
  return new Set(readdirSync('/sys/block').filter((name) => existsSync(path.join('/sys/block', name, 'device'))))
}

/** @param dataFolder on the file system whose use is shown */
export async function readMachine(dataFolder: string): Promise<MachineCounters> {
  const read = (file: string) => readFileSync(file, 'utf8')
  const { bsize, blocks, bfree } = await statfs(dataFolder)
  return {
    ...parseCpu(read('/proc/stat')),
    loadAverage: os.loadavg()[0] ?? 0,
    ...parseMemory(read('/proc/meminfo')),
    diskBytes: (blocks - bfree) * bsize,
    diskLimitBytes: blocks * bsize,
    ...parseDisks(read('/proc/diskstats'), readDisks()),
    ...parseInterfaces(read('/proc/net/dev'), parseUplinks(read('/proc/net/route'))),
  }
}

/** The measurement between two readings, `milliseconds` apart. */
export function toNodeSample(
  before: MachineCounters,
  after: MachineCounters,
  milliseconds: number,
  now: Date,
  containerCount: number,
): NodeSample | null {
  const seconds = milliseconds / 1000
  const ticks = after.allTicks - before.allTicks
  if (seconds <= 0 || ticks <= 0) return null
  const rate = (from: number, to: number) => Math.max(0, to - from) / seconds
  return {
    at: now.toISOString(),
    cpuPercent: (Math.max(0, after.busyTicks - before.busyTicks) / ticks) * os.cpus().length * 100,
    loadAverage: after.loadAverage,
    memoryBytes: after.memoryBytes,
    memoryLimitBytes: after.memoryLimitBytes,
    diskBytes: after.diskBytes,
    diskLimitBytes: after.diskLimitBytes,
    diskReadBytesPerSecond: rate(before.diskReadBytes, after.diskReadBytes),
    diskWriteBytesPerSecond: rate(before.diskWriteBytes, after.diskWriteBytes),
    networkRxBytesPerSecond: rate(before.networkRxBytes, after.networkRxBytes),
    networkTxBytesPerSecond: rate(before.networkTxBytes, after.networkTxBytes),
    containerCount,
  }
}
