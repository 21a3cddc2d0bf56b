import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { namesFor } from '../../../agent/src/network/names.ts'
import type { RuntimeView } from './runtime-view.ts'

/** Where a node's things are on this machine. */
export type NodePlace = {
  namespace: string
  /** `agent` in the data folder. */
  agentFolder: string
  /** Folders of the node's containerd. */
  containerdFolder: string
  ports: { first: number; last: number }
}

/** Where runc keeps what it knows of containers, whichever containerd it works for; a folder for each namespace. */
export const RUNC_STATE = '/run/containerd/runc'

export type KnownServer = { id: string; isRunning: boolean; ports: readonly number[] }

const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { maxBuffer: 2 ** 26 })
    .toString()
    .split('\n')

/** Arguments of every process of this machine. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        // It ended between the two looks.
        return ''
      }
    })
}

/** Ids that a text names. */
function idsIn(text: string): string[] {
  return [...text.matchAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)].map(([id]) => id)
}

function fifosBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFIFO())
    .map((entry) => path.join(entry.parentPath, entry.name))
}

/** Servers that the agent has given a network, as it keeps them; none before the first one. */
function attachments(agentFolder: string): Record<string, { index: number }> {
  const file = path.join(agentFolder, 'network.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { servers: Record<string, { index: number }> }).servers : {}
}

function cgroups(namespace: string): string[] {
  const root = '/sys/fs/cgroup'
  const groups = [root, ...readdirSync(root).map((name) => path.join(root, name))]
  return groups
    .map((group) => path.join(group, namespace))
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder))
}

/**
 * What the node keeps for servers that it need not keep, in words: each process, mount, network namespace, cable, rule, cgroup,
 * container, snapshot, lease and folder of a server that is gone, and everything but its files of one that does not run.
 */
export async function leftovers(place: NodePlace, runtime: RuntimeView, servers: readonly KnownServer[]): Promise<string[]> {
  const known = new Set(servers.map(({ id }) => id))
  const running = new Set(servers.filter(({ isRunning }) => isRunning).map(({ id }) => id))
  const found: string[] = []
  const check = (what: string, text: string, allowed: ReadonlySet<string>) => {
    // An install leaves nothing, whatever became of it.
    for (const id of idsIn(text))
      if (!allowed.has(id) || text.includes(`${id}-install`)) found.push(`${what} of ${id}: ${text.trim().slice(0, 200)}`)
  }
  const names = namesFor(place.namespace)

  for (const text of processes())
    if (text.includes('containerd-shim') && text.includes(`-namespace ${place.namespace} `)) check('shim', text, running)
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n'))
    if (line.includes(place.containerdFolder)) check('mount', line, running)
  for (const line of run('ip', 'netns', 'list')) if (line.startsWith(names.namespacePrefix)) check('network namespace', line, running)
  const attached = attachments(place.agentFolder)
  for (const id of Object.keys(attached)) check('attachment', id, running)
  const cables = new Set(Object.values(attached).map(({ index }) => names.cable(index)))
  for (const line of run('ip', '-o', 'link', 'show', 'type', 'veth')) {
    const [, cable = ''] = /^\d+: ([^@:]+)[@:]/.exec(line) ?? []
    if (cable.startsWith(names.cablePrefix) && !cables.has(cable)) found.push(`cable: ${line}`)
  }
  const ports = new Set(servers.filter(({ isRunning }) => isRunning).flatMap((server) => server.ports))
  for (const line of run('iptables-save')) {
    const port = Number(/--dport (\d+)/.exec(line)?.[1] ?? 0)
    if (port >= place.ports.first && port <= place.ports.last && !ports.has(port)) found.push(`rule: ${line}`)
  }
  const runc = path.join(RUNC_STATE, place.namespace)
  for (const name of existsSync(runc) ? readdirSync(runc) : []) check('runc container', name, running)
  for (const name of cgroups(place.namespace)) check('cgroup', name, running)
  for (const id of (await runtime.workloads()).keys()) check('container', id, known)
  for (const name of await runtime.snapshots()) {
    check('snapshot', name, known)
    if (name.startsWith('extract-')) found.push(`snapshot: ${name}`)
  }
  for (const id of await runtime.leases()) found.push(`lease: ${id}`)
  const folder = path.join(place.agentFolder, 'servers')
  for (const name of readdirSync(folder)) check('folder', name, known)
  for (const fifo of fifosBelow(folder)) if (!fifo.endsWith('/logs/stdin')) found.push(`FIFO: ${fifo}`)
  for (const name of readdirSync(path.join(place.agentFolder, 'images'))) found.push(`folder of an image: ${name}`)
  return [...new Set(found)]
}
