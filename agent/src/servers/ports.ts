import { constants } from 'node:os'
import { resolvConfPath } from '../network/name-service.ts'
import type { PosixSignal, Runtime, WorkloadSpec } from '../runtime/runtime.ts'
import type { RunSpec, ServerRecord, ServerSpec } from '../state/records.ts'
import type { StartGate } from './start-gate.ts'

/** A port of the node that leads to the same port of a server. */
export type ServerPort = { ip: string; port: number; protocol: 'tcp' | 'udp' | 'both'; containerPort: number }

/** What runners need of the network. */
export type ServerNetwork = {
  attach(id: string, ports: readonly ServerPort[]): Promise<{ namespacePath: string }>
  detach(id: string): Promise<void>
}

/** What runners need of the images. */
export type ServerImages = {
  ensure(image: ServerSpec['image'], onProgress: (percent: number, text: string) => void, signal: AbortSignal): Promise<string>
}

/** Folders of one server; all but `files` lie outside what the game can write. */
export type ServerFolders = {
  root: string
  files: string
  /** Files of an install that goes on; they take the place of `files` when it has succeeded. */
  staging: string
  /** `files` of before, while they are being replaced. */
  replaced: string
  logs: string
  install: string
  stdin: string
}

export type RunnerDeps = {
  runtime: Runtime
  network: ServerNetwork
  images: ServerImages
  foldersOf: (serverId: string) => ServerFolders
  /** The corrected clock. */
  now: () => Date
  /** A time of this machine's clock on the corrected one. */
  correctTime: (at: Date) => Date
  monotonicMs: () => number
  /** Within [0, 1). */
  random: () => number
  newId: () => string
  /** Bounds the starts that follow a start of the agent. */
  startGate: StartGate
}

/** No server needs more; forks without end stop here. */
const MOST_PIDS = 512
/** An install unpacks and compiles; a small game's limits would not let it. */
const INSTALL_LEAST = { memoryMiB: 512, cpuPercent: 100, pids: MOST_PIDS }

export const portsOf = (spec: ServerSpec): ServerPort[] =>
  spec.ports.map(({ ip, port, protocol }) => ({
    ip,
    port,
    protocol: protocol === 'TCP' ? 'tcp' : protocol === 'UDP' ? 'udp' : 'both',
    containerPort: port,
  }))

export const isSignal = (name: string): name is PosixSignal => Object.hasOwn(constants.signals, name)

/** What can be changed while a game runs. */
export const limitsOf = ({ limits }: ServerSpec): RunSpec['limits'] => ({
  memoryMiB: limits.memoryMiB,
  cpuPercent: limits.cpuPercent,
  cpuset: limits.cpuset,
  pids: Math.min(limits.pids, MOST_PIDS),
})

/** Limits of an install container: its own, never below the game's. */
export const installLimitsOf = (spec: ServerSpec): RunSpec['limits'] => {
  const { memoryMiB, cpuPercent, cpuset } = limitsOf(spec)
  return {
    memoryMiB: Math.max(memoryMiB, INSTALL_LEAST.memoryMiB),
    cpuPercent: Math.max(cpuPercent, INSTALL_LEAST.cpuPercent),
    cpuset,
    pids: INSTALL_LEAST.pids,
  }
}

/** Stands for everything of a spec that only another start can change. */
export const fingerprintOf = ({ image, startup, environment, workingDirectory, readOnlyRoot, ports, slug }: ServerSpec): string =>
  JSON.stringify([
    [image.packages, image.remove, image.keep],
    startup,
    environment.map(({ name, value }) => [name, value]),
    workingDirectory,
    readOnlyRoot,
    ports.map(({ ip, port, protocol }) => [ip, port, protocol]),
    slug,
  ])

/** Whether the run goes by an older spec than the newest one. */
export function needsRestart({ run, runningSince, assignment }: ServerRecord): boolean {
  if (run === null || runningSince === null) return false
  return run.fingerprint !== fingerprintOf(assignment.spec) || run.areLimitsRefused
}

/** What the runtime is told of a game; everything in it is decided by the api or by this node, nothing by the game. */
export function workloadOf(record: ServerRecord, image: string, namespacePath: string, files: string): WorkloadSpec {
  const { spec } = record.assignment
  return {
    id: record.id,
    image,
    args: [...spec.startup],
    env: {
      HOME: '/data',
      TERM: 'xterm-256color',
      PATH: '/usr/games:/usr/local/bin:/usr/bin:/bin',
      ...Object.fromEntries(spec.environment.map(({ name, value }) => [name, value])),
    },
    workingDirectory: spec.workingDirectory,
    user: { uid: record.uid, gid: record.uid },
    hostname: spec.slug,
    mounts: [
      { source: files, target: '/data', readOnly: false },
      { source: resolvConfPath(), target: '/etc/resolv.conf', readOnly: true },
    ],
    limits: limitsOf(spec),
    readOnlyRoot: spec.readOnlyRoot,
    networkNamespace: namespacePath,
    labels: { 'catalyst/server': record.id },
  }
}
