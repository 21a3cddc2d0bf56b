import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

const ROOT = '/sys/fs/cgroup'

/** How this host groups processes. */
export type CgroupHost = { version: 1 | 2; isSystemd: boolean }

export function detectCgroupHost(): CgroupHost {
  // The unified hierarchy has its controllers file at the very top; hybrid hosts do not.
  const version = existsSync(path.join(ROOT, 'cgroup.controllers')) ? 2 : 1
  return { version, isSystemd: version === 2 && existsSync('/run/systemd/system') }
}

/** `linux.cgroupsPath` of a workload; systemd's driver takes slice, prefix and name. */
export function cgroupsPath(host: CgroupHost, namespace: string, id: string): string {
  return host.isSystemd ? `${namespace.replaceAll('-', '_')}.slice:${namespace}:${id}` : `/${namespace}/${id}`
}

function memoryFolder(host: CgroupHost, namespace: string, id: string): string {
  if (host.isSystemd) return path.join(ROOT, `${namespace.replaceAll('-', '_')}.slice`, `${namespace}-${id}.scope`)
  return host.version === 2 ? path.join(ROOT, namespace, id) : path.join(ROOT, 'memory', namespace, id)
}

/** Number after `oom_kill` in v1's memory.oom_control or v2's memory.events; 0 when there is none. */
export function parseOomKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
}

/** True when the kernel killed a process of this workload for memory. Readable until the task is deleted. */
export function wasOutOfMemory(host: CgroupHost, namespace: string, id: string): boolean {
  const file = host.version === 2 ? 'memory.events' : 'memory.oom_control'
  try {
    return parseOomKills(readFileSync(path.join(memoryFolder(host, namespace, id), file), 'utf8')) > 0
  } catch {
    return false
  }
}
