import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { createHost } from '../../agent/src/network/host.ts'
import { createNetwork, type Network } from '../../agent/src/network/network.ts'
import { ip, listenIn } from './netns.ts'

export const NAMESPACE = `catnet-${String(process.pid)}`
export const PORT = 26_801

/** Rules of the machine's packet filter. */
export const rules = () =>
  execFileSync('iptables-save', { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.startsWith('-') || line.startsWith(':cat'))
    .sort()

/** Everything that a network can leave on the machine. */
export const traces = () => [
  ...rules(),
  ...ip('-br', 'link')
    .split('\n')
    .map((line) => line.split(/[ @]/)[0]),
  ...ip('netns', 'list').split('\n'),
  ...ip('route', 'show').split('\n'),
]

/** Where the machine is reached from elsewhere. */
export const hostAddress = () =>
  Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry?.family === 'IPv4' && !entry.internal && !entry.address.startsWith('10.96.'))?.address ?? '127.0.0.1'

/** What listens there says, as the machine itself hears it. */
export function askTcp(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = net.connect(port, host)
    socket.setTimeout(3000, () => socket.destroy(new Error('no answer')))
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.once('error', reject)
    socket.once('close', () => {
      resolve(text)
    })
  })
}

/** A network of servers, new for each test of a file. Listeners that a test leaves are ended. */
export function useNetwork() {
  let folder: string
  let network: Network
  let before: unknown
  const children: (() => void)[] = []
  const open = (namespace = NAMESPACE, place = folder) => createNetwork({ namespace, host: createHost(), folder: place })

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'catalyst-network-'))
    before = traces()
    network = open()
  })
  afterEach(async () => {
    for (const stop of children.splice(0)) stop()
    await network.teardown()
    rmSync(folder, { recursive: true, force: true })
  })

  return {
    get folder() {
      return folder
    },
    get network() {
      return network
    },
    /** What was on the machine before the test. */
    get before() {
      return before
    },
    /** What an agent that has just started has of it. */
    open,
    /** Like {@link open}, in place of the one before. */
    reopen() {
      network = open()
    },
    async listen(namespace: string | null, name: string, port: number) {
      children.push(await listenIn(namespace, name, port))
    },
  }
}
