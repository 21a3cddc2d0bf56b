import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { chainsOf, jumpsOf } from '../../../agent/src/network/firewall.ts'
import { namesFor } from '../../../agent/src/network/names.ts'
import { cidrOf, type Subnet } from '../../../agent/src/network/subnet.ts'
import type { Lab } from './lab.ts'
import { RUNC_STATE } from './leftovers.ts'

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString()
const tries = (command: string, ...args: string[]) => {
  try {
    run(command, ...args)
  } catch {
    // Not there: nothing to take away.
  }
}

function pidsOf(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text)
      } catch {
        return false
      }
    })
    .map(Number)
}

const groupsOf = (namespace: string) => {
  const root = '/sys/fs/cgroup'
  return [root, ...readdirSync(root).map((name) => path.join(root, name))].map((group) => path.join(group, namespace)).filter(existsSync)
}

function endAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It went with another one.
    }
  }
}

/** Processes of every game of a namespace, by the control groups they are in. */
const gamesOf = (namespace: string) =>
  groupsOf(namespace).flatMap((group) =>
    readdirSync(group, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) =>
        readFileSync(path.join(group, name, 'cgroup.procs'), 'utf8')
          .split('\n')
          .filter(Boolean)
          .map(Number),
      ),
  )

/** What a machine forgets when it is switched off: mounts, state folders, groups, network namespaces with their cables, routes and rules. */
function forgetRuntimeState(namespace: string, base: string, agentFolder: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => target.startsWith(`${base}/`))
  for (const target of mounts.reverse()) run('umount', '-l', target)
  rmSync(path.join(base, 'state'), { recursive: true, force: true })
  // The shims' runc keeps its own beside it; what it has left refuses a container of the same name.
  rmSync(path.join(RUNC_STATE, namespace), { recursive: true, force: true })
  for (const group of groupsOf(namespace)) {
    for (const entry of readdirSync(group, { withFileTypes: true })) if (entry.isDirectory()) tries('rmdir', path.join(group, entry.name))
    tries('rmdir', group)
  }
  const names = namesFor(namespace)
  for (const line of run('ip', 'netns', 'list').split('\n'))
    if (line.startsWith(names.namespacePrefix)) run('ip', 'netns', 'delete', line.split(' ')[0] ?? '')
  const { subnet } = JSON.parse(readFileSync(path.join(agentFolder, 'network.json'), 'utf8')) as { subnet: Subnet }
  tries('ip', 'route', 'delete', 'unreachable', cidrOf(subnet))
  for (const [table, from, to] of jumpsOf(names))
    for (const rule of run('iptables-save', '-t', table).split('\n'))
      if (rule.startsWith(`-A ${from} `) && rule.endsWith(`-j ${to}`))
        run('iptables', '-w', '-t', table, ...rule.replace('-A ', '-D ').split(' '))
  for (const [table, chain] of chainsOf(names)) tries('iptables', '-w', '-t', table, '-F', chain)
  for (const [table, chain] of chainsOf(names)) tries('iptables', '-w', '-t', table, '-X', chain)
}

/** Ends everything of a lab at once, and takes away what would not outlive a reboot. Its disk stays. */
export async function cutPower({ product, containerd }: Lab): Promise<void> {
  const shims = pidsOf(`-namespace ${product.namespace} `)
  await product.crash()
  await containerd.kill()
  // Shims first: none of them shall see its game end.
  endAll(shims)
  while (gamesOf(product.namespace).length > 0) {
    endAll(gamesOf(product.namespace))
    await delay(10)
  }
  forgetRuntimeState(product.namespace, containerd.base, path.join(product.dataDir, 'agent'))
}
