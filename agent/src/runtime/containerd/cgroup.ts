import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

const ROOT = '/sys/fs/cgroup'

/** How this host groups processes; `root` is where its groups are mounted. */
export type CgroupHost = { version: 1 | 2; isSystemd: boolean; root: string }

export function detectCgroupHost(): CgroupHost {
  // The unified hierarchy has its controllers file at the very top; hybrid hosts do not.
  const version = existsSync(path.join(ROOT, 'cgroup.controllers')) ? 2 : 1
  return { version, isSystemd: version === 2 && existsSync('/run/systemd/system'), root: ROOT }
}

// A dash in the name of a slice makes it part of another one.
const sliceOf = (namespace: string) => `${namespace.replaceAll('-', '_')}.slice`
const sliceOfRun = (namespace: string, id: string) => `${namespace.replaceAll('-', '_')}-${id.replaceAll('-', '_')}.slice`

/**
 * `linux.cgroupsPath` of a workload. systemd's driver takes slice, prefix and name; it takes the group of a scope away with
 * the last process, and what the kernel has counted with it. So each run has a slice around its scope, which stays.
 */
export function cgroupsPath(host: CgroupHost, namespace: string, id: string): string {
  return host.isSystemd ? `${sliceOfRun(namespace, id)}:${namespace}:${id}` : `/${namespace}/${id}`
}

function memoryFolder(host: CgroupHost, namespace: string, id: string): string {
  if (host.isSystemd) return path.join(host.root, sliceOf(namespace), sliceOfRun(namespace, id))
  return host.version === 2 ? path.join(host.root, namespace, id) : path.join(host.root, 'memory', namespace, id)
}

/** Where the processes of a run are. */
function processFolder(host: CgroupHost, namespace: string, id: string): string {
  const folder = memoryFolder(host, namespace, id)
  return host.isSystemd ? path.join(folder, `${namespace}-${id}.scope`) : folder
}

/** Processes of a run, whatever threads they have: those are what the kernel's own counter counts. 0 when it has just gone. */
export function countProcesses(host: CgroupHost, namespace: string, id: string): number {
  try {
    return readFileSync(path.join(processFolder(host, namespace, id), 'cgroup.procs'), 'utf8').split('\n').length - 1
  } catch {
    return 0
  }
}

/**
 * Gives a run a share of the disks that goes by its share of the processor; 100, the kernel's own default, is one core.
 * Only where the kernel weighs at all: without such a scheduler the files are missing, and nothing happens.
 */
export function weighDisk(host: CgroupHost, namespace: string, id: string, cpuPercent: number): void {
  const weight = String(Math.min(1000, Math.max(1, Math.round(cpuPercent))))
  const places =
    host.version === 1
      ? [[path.join(host.root, 'blkio', namespace, id), 'blkio.bfq.weight'] as const]
      : (['io.weight', 'io.bfq.weight'] as const).map((file) => [processFolder(host, namespace, id), file] as const)
  for (const [folder, file] of places) {
    try {
      writeFileSync(path.join(folder, file), weight, { flag: 'r+' })
    } catch {
      // Not weighed here.
    }
  }
}

/** All cores of this machine, as the kernel lists them. */
export function onlineCores(): string {
  return readFileSync('/sys/devices/system/cpu/online', 'utf8').trim()
}

/** Number after `oom_kill` in v1's memory.oom_control or v2's memory.events; 0 when there is none. */
export function parseOomKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
}

/** True when the kernel killed a process of this workload for memory. Readable until the run is collected. */
export function wasOutOfMemory(host: CgroupHost, namespace: string, id: string): boolean {
  const file = host.version === 2 ? 'memory.events' : 'memory.oom_control'
  try {
    return parseOomKills(readFileSync(path.join(memoryFolder(host, namespace, id), file), 'utf8')) > 0
  } catch {
    return false
  }
}

/** A slice that was never made, or has gone, is as good as stopped. */
async function stopSlice(slice: string): Promise<void> {
  await promisify(execFile)('systemctl', ['stop', slice]).catch(() => undefined)
}

/** Forgets what the kernel counted for an ended run, where the runtime does not do it: the next one starts at nothing. */
export async function releaseGroup(host: CgroupHost, namespace: string, id: string): Promise<void> {
  if (host.isSystemd && existsSync(memoryFolder(host, namespace, id))) await stopSlice(sliceOfRun(namespace, id))
}

/** Removes the empty groups of a namespace that the runtime leaves behind. */
export async function removeGroups(host: CgroupHost, namespace: string): Promise<void> {
  if (host.isSystemd) await stopSlice(sliceOf(namespace))
  const roots = [host.root, ...readdirSync(host.root).map((name) => path.join(host.root, name))]
  for (const folder of roots.map((root) => path.join(root, namespace))) {
    try {
      rmdirSync(folder)
    } catch {
      // Not there, or still in use by something that is not ours to end.
    }
  }
}
