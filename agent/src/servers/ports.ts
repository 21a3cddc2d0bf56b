import { resolvConfPath } from '../network/name-service.ts'
import type { PosixSignal, Runtime, WorkloadSpec } from '../runtime/runtime.ts'
import type { ServerRecord, ServerSpec } from '../state/records.ts'

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

/** Folders of one server; logs and install lie outside what the game can write. */
export type ServerFolders = { root: string; files: string; logs: string; install: string; stdin: string }

export type RunnerDeps = {
  runtime: Runtime
  network: ServerNetwork
  images: ServerImages
  foldersOf: (serverId: string) => ServerFolders
  now: () => Date
  newId: () => string
}

const PIDS = 512

export const portsOf = (spec: ServerSpec): ServerPort[] =>
  spec.ports.map(({ ip, port, protocol }) => ({
    ip,
    port,
    protocol: protocol === 'TCP' ? 'tcp' : protocol === 'UDP' ? 'udp' : 'both',
    containerPort: port,
  }))

export const isSignal = (name: string): name is PosixSignal => /^SIG[A-Z0-9]+$/.test(name)

/** What the runtime is told of a game; everything in it is decided by the api or by this node, nothing by the game. */
export function workloadOf(record: ServerRecord, image: string, namespacePath: string, folders: ServerFolders): WorkloadSpec {
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
      { source: folders.files, target: '/data', readOnly: false },
      { source: resolvConfPath(), target: '/etc/resolv.conf', readOnly: true },
    ],
    limits: { memoryMiB: spec.limits.memoryMiB, cpuPercent: spec.limits.cpuPercent, pids: Math.min(spec.limits.pids, PIDS) },
    readOnlyRoot: spec.readOnlyRoot,
    networkNamespace: namespacePath,
    labels: { 'catalyst/server': record.id },
  }
}
