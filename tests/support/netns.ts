import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { promisify } from 'node:util'

/** Runs `ip` with these arguments and returns what it wrote. */
export const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' })

/** A listener inside a network namespace that answers with its name and who asked, over TCP and UDP. */
const LISTENER = `
const [name, port] = process.argv.slice(1)
require('net').createServer((socket) => { socket.on('error', () => {}); socket.end(name + ' ' + socket.remoteAddress) }).listen(Number(port), '0.0.0.0', () => {
  const udp = require('dgram').createSocket('udp4')
  udp.on('message', (message, from) => udp.send(name + ' ' + message, from.port, from.address))
  udp.bind(Number(port), '0.0.0.0', () => process.stdout.write('listening'))
})`
/** Says what a TCP address answers, or "closed", seen from a namespace. */
const PROBE = `
const [host, port, from] = process.argv.slice(1)
const done = (word) => { process.stdout.write(word); process.exit() }
const socket = require('net').connect({ port: Number(port), host, localAddress: from || undefined })
socket.on('data', (data) => done(String(data))).on('error', () => done('closed'))
setTimeout(() => done('closed'), 1000)`

const nameOf = (namespace: string) => path.basename(namespace)

/** Starts a listener in a network namespace, given by its name or path, or on the host itself; returns what ends it. */
export async function listenIn(namespace: string | null, name: string, port: number): Promise<() => void> {
  const program = [process.execPath, '-e', LISTENER, name, String(port)]
  const [command = '', ...args] = namespace === null ? program : ['ip', 'netns', 'exec', nameOf(namespace), ...program]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return () => void child.kill('SIGKILL')
}

/** What a program in a namespace hears from a TCP address: the answer of its listener, or `closed`. */
export async function probeFrom(namespace: string, host: string, port: number, from = ''): Promise<string> {
  const args = ['netns', 'exec', nameOf(namespace), process.execPath, '-e', PROBE, host, String(port), from]
  return (await promisify(execFile)('ip', args)).stdout
}

/** Somewhere else, made of a network namespace: what the host reaches over a cable and nothing of which leaves the machine. */
export type World = {
  namespace: string
  /** Address of the host on the cable, as players see it. */
  hostAddress: string
  /** Address of the world on it. */
  address: string
  dispose(): void
}

/**
 * A world on a documentation network.
 * @param name of the namespace; at most 12 characters
 * @param more addresses that the world has too, to which the host has routes
 */
export function createWorld(name: string, more: readonly string[] = []): World {
  const [hostAddress, address, cable] = ['198.51.100.1', '198.51.100.2', `w-${name}`]
  ip('netns', 'add', name)
  ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
  ip('address', 'add', `${hostAddress}/24`, 'dev', cable)
  ip('link', 'set', cable, 'up')
  for (const each of [`${address}/24`, ...more.map((one) => `${one}/32`)]) ip('-n', name, 'address', 'add', each, 'dev', 'eth0')
  ip('-n', name, 'link', 'set', 'lo', 'up')
  ip('-n', name, 'link', 'set', 'eth0', 'up')
  ip('-n', name, 'route', 'add', 'default', 'via', hostAddress)
  for (const each of more) ip('route', 'add', `${each}/32`, 'via', address)
  return {
    namespace: name,
    hostAddress,
    address,
    dispose() {
      // The cable and its routes go with it.
      ip('netns', 'delete', name)
    },
  }
}
