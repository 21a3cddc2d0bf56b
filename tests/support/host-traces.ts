import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { namesFor } from '../../agent/src/network/names.ts'
import { RUNC_STATE } from './faults/leftovers.ts'

const output = (command: string, args: string[]) => {
  try {
    return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString()
  } catch {
    return ''
  }
}

/**
 * What a product leaves on its host, by its containerd namespace and data folder: processes, mounts, network namespaces,
 * interfaces, firewall rules and runc's folder. Empty after `npm run down`.
 */
export function hostTraces(namespace: string, dataDir: string): string[] {
  const mine = (line: string) => line.includes(namespace) || line.includes(dataDir)
  // Names of chains are short: the agent's network room derives them from the namespace.
  const short = namespace.replace(/^catalyst-/, '').toUpperCase()
  const rules = ['iptables-save', 'ip6tables-save'].flatMap((command) => output(command, []).split('\n'))
  return [
    ...output('ps', ['-eo', 'args'])
      .split('\n')
      .filter((line) => mine(line) && !line.startsWith('ps '))
      .map((line) => `process ${line}`),
    ...readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter(mine)
      .map((line) => `mount ${line}`),
    ...output('ip', ['netns', 'list'])
      .split('\n')
      .filter(mine)
      .map((line) => `network namespace ${line}`),
    ...output('ip', ['-br', 'link'])
      .split('\n')
      .filter((line) => line.startsWith(namesFor(namespace).cablePrefix))
      .map((line) => `cable ${line}`),
    ...[path.join(RUNC_STATE, namespace)].filter((folder) => existsSync(folder)).map((folder) => `folder ${folder}`),
    ...rules.filter((line) => mine(line) || line.toUpperCase().includes(short)).map((line) => `rule ${line}`),
  ]
}
