import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { WorkloadLimits, WorkloadSpec } from '../runtime.ts'

/** Debian's static tini: a program without handlers would ignore SIGTERM as process 1. */
export const INIT_SOURCE = '/usr/bin/tini-static'
const INIT_TARGET = '/.init'
const CPU_PERIOD_MICROSECONDS = 100_000
const LARGEST_OPEN_FILES = 65_536

const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

const NOTHING = ['nosuid', 'noexec', 'nodev']
const MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc', options: NOTHING },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...NOTHING, 'mode=1777', 'size=65536k'] },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: NOTHING },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...NOTHING, 'ro'] },
  { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777', 'size=262144k'] },
]

// Null, zero, full, tty, random, urandom and pseudo terminals.
const DEVICES = [
  { allow: false, access: 'rwm' },
  ...(
    [
      [1, 3],
      [1, 5],
      [1, 7],
      [5, 0],
      [1, 8],
      [1, 9],
      [5, 2],
    ] as const
  ).map(([major, minor]) => ({ allow: true, type: 'c', major, minor, access: 'rwm' })),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
]

/** Open files that a game may have: no more than this machine allows us, because without CAP_SYS_RESOURCE nobody can raise it. */
function openFileLimit(): number {
  const hard = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? LARGEST_OPEN_FILES)
  return Math.min(LARGEST_OPEN_FILES, hard)
}

/** `linux.resources` of a workload. Swap is off: the limit of memory and swap together equals that of memory. */
export function resourcesOf(limits: WorkloadLimits) {
  const bytes = limits.memoryMiB * 2 ** 20
  return {
    memory: { limit: bytes, swap: bytes },
    cpu: {
      period: CPU_PERIOD_MICROSECONDS,
      quota: Math.max(1000, Math.round((limits.cpuPercent / 100) * CPU_PERIOD_MICROSECONDS)),
      shares: Math.max(2, Math.round((limits.cpuPercent / 100) * 1024)),
      ...(limits.cpuset !== '' && { cpus: limits.cpuset }),
    },
    pids: { limit: limits.pids },
  }
}

/** The processor limit in a specification that `buildOciSpec` made. */
export function cpuPercentOf(spec: Uint8Array): number {
  const { linux } = JSON.parse(Buffer.from(spec).toString()) as { linux: { resources: ReturnType<typeof resourcesOf> } }
  return (linux.resources.cpu.quota / CPU_PERIOD_MICROSECONDS) * 100
}

/**
 * System calls that games may make, for this processor: containerd's default list without ptrace, chroot and io_uring. 32-bit
 * programs run too; x32 does not: no game uses it, and each architecture costs every start 5 ms of compiling the filter.
 */
export function readSeccompProfile(architecture: string): object {
  const name = architecture === 'arm64' ? 'arm64' : 'x64'
  return JSON.parse(readFileSync(path.join(import.meta.dirname, 'seccomp', `${name}.json`), 'utf8')) as object
}

/**
 * The OCI runtime specification of a workload: no capabilities, no new privileges, system calls by an allow-list, own
 * namespaces, a user of its own.
 */
export function buildOciSpec(spec: WorkloadSpec, cgroupsPath: string, seccomp: object): object {
  const network = spec.networkNamespace === null ? { type: 'network' } : { type: 'network', path: spec.networkNamespace }
  const openFiles = openFileLimit()
  const own = spec.mounts.map((mount) => ({
    destination: mount.target,
    type: 'bind',
    source: mount.source,
    options: ['rbind', 'nosuid', 'nodev', mount.readOnly ? 'ro' : 'rw'],
  }))
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: spec.user.uid, gid: spec.user.gid },
      args: [INIT_TARGET, '-g', '--', ...spec.args],
      env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
      cwd: spec.workingDirectory,
      capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
      noNewPrivileges: true,
      rlimits: [
        { type: 'RLIMIT_NOFILE', hard: openFiles, soft: openFiles },
        { type: 'RLIMIT_CORE', hard: 0, soft: 0 },
      ],
    },
    root: { path: 'rootfs', readonly: spec.readOnlyRoot },
    hostname: spec.hostname,
    mounts: [
      ...MOUNTS,
      { destination: INIT_TARGET, type: 'bind', source: INIT_SOURCE, options: ['rbind', 'ro', 'nosuid', 'nodev'] },
      ...own,
    ],
    linux: {
      cgroupsPath,
      namespaces: [{ type: 'pid' }, { type: 'ipc' }, { type: 'uts' }, { type: 'mount' }, network],
      resources: { ...resourcesOf(spec.limits), devices: DEVICES },
      seccomp,
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  }
}
