import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const ip = async (...args: string[]) => (await execute('ip', args)).stdout

/** Address of this machine's loopback, as guests see it. */
export const HOST_SEEN_BY_GUESTS = '10.0.2.2'

/** A network of guests in a namespace of its own: nothing of this machine's own network changes. */
export type GuestNetwork = {
  namespace: string
  /** A cable for a guest; its name. */
  plug(number: number): Promise<string>
  /** Takes a guest's cable out, and puts it back. */
  cut(cable: string): Promise<void>
  heal(cable: string): Promise<void>
  dispose(): Promise<void>
}

/**
 * A bridge with user-mode network address translation at its end: guests reach this machine's loopback at
 * `HOST_SEEN_BY_GUESTS`, and packages of Debian where this machine does.
 * @param namespace name of the network namespace
 */
export async function createGuestNetwork(namespace: string): Promise<GuestNetwork> {
  const inside = (...args: string[]) => ip('-n', namespace, ...args)
  await ip('netns', 'add', namespace)
  // A fixed address: otherwise it changes with the cables, and whoever knew the old one is cut off. One segment at a time: the
  // guest's driver takes no larger ones.
  await inside('link', 'add', 'br0', 'address', '02:00:00:00:01:00', 'gso_max_segs', '1', 'type', 'bridge')
  await inside('address', 'add', '10.0.2.1/24', 'dev', 'br0')
  await inside('link', 'set', 'br0', 'up')
  await inside('link', 'set', 'lo', 'up')
  const options = ['--netns-type=path', '--mtu=1500', '--ready-fd=3', `/run/netns/${namespace}`, 'out0']
  const slirp = spawn('slirp4netns', options, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  const ready = slirp.stdio[3]
  if (ready === null || ready === undefined) throw new Error('slirp4netns has no ready pipe')
  const first = await Promise.race([once(ready, 'data').then(() => 'ready'), once(slirp, 'exit').then(() => 'ended')])
  if (first === 'ended') throw new Error('slirp4netns does not start')
  await inside('link', 'set', 'out0', 'master', 'br0', 'up')
  return {
    namespace,
    async plug(number) {
      const cable = `tap${String(number)}`
      await inside('tuntap', 'add', cable, 'mode', 'tap')
      await inside('link', 'set', cable, 'master', 'br0', 'up')
      return cable
    },
    async cut(cable) {
      await inside('link', 'set', cable, 'nomaster')
    },
    async heal(cable) {
      await inside('link', 'set', cable, 'master', 'br0')
    },
    async dispose() {
      const exit = once(slirp, 'exit')
      if (slirp.exitCode === null && slirp.signalCode === null && slirp.kill('SIGKILL')) await exit
      await ip('netns', 'delete', namespace)
    },
  }
}
