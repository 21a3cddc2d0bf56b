import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHost } from '../../agent/src/network/host.ts'
import { createNetwork, type Network } from '../../agent/src/network/network.ts'
import { PortInUseError } from '../../agent/src/network/port-check.ts'
import { whyNoContainerd } from '../support/containerd.ts'
import { udpQuery } from '../support/udp-query.ts'

const reason = whyNoContainerd()
const NAMESPACE = `catnet-${String(process.pid)}`
const OTHER = `catnet2-${String(process.pid)}`
const PORT = 26_801

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' })
const rules = () =>
  execFileSync('iptables-save', { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.startsWith('-') || line.startsWith(':cat'))
    .sort()
const traces = () => [
  ...rules(),
  ...ip('-br', 'link')
    .split('\n')
    .map((line) => line.split(/[ @]/)[0]),
  ...ip('netns', 'list').split('\n'),
]
const hostAddress = () =>
  Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry?.family === 'IPv4' && !entry.internal && !entry.address.startsWith('10.96.'))?.address ?? '127.0.0.1'

/** A listener inside a network namespace that answers with its name, over TCP and UDP. */
const LISTENER = `
const [name, port] = process.argv.slice(1)
require('net').createServer((socket) => { socket.on('error', () => {}); socket.end(name) }).listen(Number(port), '0.0.0.0', () => {
  const udp = require('dgram').createSocket('udp4')
  udp.on('message', (message, from) => udp.send(name + ' ' + message, from.port, from.address))
  udp.bind(Number(port), '0.0.0.0', () => process.stdout.write('listening'))
})`
/** Says "open" or "closed" about a TCP address, seen from a namespace. */
const PROBE = `
const [host, port] = process.argv.slice(1)
const done = (word) => { process.stdout.write(word); process.exit() }
require('net').connect(Number(port), host, () => done('open')).on('error', () => done('closed'))
setTimeout(() => done('closed'), 1000)`

const children: (() => void)[] = []
async function listenIn(namespacePath: string, name: string, port: number): Promise<void> {
  const child = spawn('ip', ['netns', 'exec', path.basename(namespacePath), process.execPath, '-e', LISTENER, name, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
}

function probeFrom(namespacePath: string, host: string, port: number): string {
  return execFileSync('ip', ['netns', 'exec', path.basename(namespacePath), process.execPath, '-e', PROBE, host, String(port)], {
    encoding: 'utf8',
  })
}

function askTcp(host: string, port: number): Promise<string> {
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

describe.skipIf(reason !== null)(`network of servers${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let folder: string
  let network: Network
  let before: unknown
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

  it('maps TCP and UDP on loopback and on the address of the node, and undoes all of it', async () => {
    const address = hostAddress()
    const { namespacePath } = await network.attach('one', [{ ip: address, port: PORT, protocol: 'both', containerPort: PORT }])
    await listenIn(namespacePath, 'one', PORT)
    expect(await askTcp('127.0.0.1', PORT)).toBe('one')
    expect(await askTcp(address, PORT)).toBe('one')
    expect((await udpQuery(PORT, Buffer.from('hello'), 3000)).toString()).toBe('one hello')

    await network.detach('one')
    await network.detach('one')
    expect(network.list()).toEqual([])
    await network.teardown()
    await network.teardown()
    expect(traces()).toEqual(before)
  })

  it('keeps servers from each other, from the host and from link-local addresses', async () => {
    const one = await network.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
    const two = await network.attach('two', [])
    await listenIn(one.namespacePath, 'one', PORT)
    const service = net.createServer((socket) => socket.end('host')).listen(PORT + 1, '0.0.0.0')
    const service6 = net.createServer((socket) => socket.end('host')).listen({ port: PORT + 2, host: '::', ipv6Only: true })
    try {
      await Promise.all([once(service, 'listening'), once(service6, 'listening')])
      const gateway = one.address.replace(/\.\d+$/, '.1')
      // The probe itself works: a server reaches what listens in its own namespace.
      expect(probeFrom(one.namespacePath, one.address, PORT)).toBe('open')
      expect(probeFrom(two.namespacePath, one.address, PORT)).toBe('closed')
      expect(probeFrom(two.namespacePath, hostAddress(), PORT)).toBe('closed')
      for (const host of [gateway, hostAddress()]) expect(probeFrom(two.namespacePath, host, PORT + 1)).toBe('closed')
      const bridge =
        ip('-br', 'link', 'show', 'type', 'bridge')
          .split('\n')
          .find((line) => line.startsWith(NAMESPACE.slice(0, 8)))
          ?.split(/\s+/)[0] ?? ''
      expect(ip('-6', 'address', 'show', 'dev', bridge)).toBe('')
      expect(
        execFileSync('ip', ['-d', '-j', 'link', 'show', 'master', bridge], { encoding: 'utf8' }).match(/"isolated":true/g),
      ).toHaveLength(2)
      expect(rules().some((line) => line.includes('-d 169.254.0.0/16') && line.endsWith('DROP'))).toBe(true)
      // Replies are let through: the mapped port still answers.
      expect(await askTcp('127.0.0.1', PORT)).toBe('one')
    } finally {
      service.close()
      service6.close()
    }
  })

  it('refuses a port that a program of the host has, and takes it when it is free again', async () => {
    const port = { ip: '127.0.0.1', port: PORT, protocol: 'udp', containerPort: PORT } as const
    const taken = createSocket('udp4').bind(PORT, '0.0.0.0')
    await once(taken, 'listening')
    await expect(network.attach('one', [port])).rejects.toThrow(PortInUseError)
    await expect(network.attach('one', [port])).rejects.toMatchObject({ port: PORT, protocol: 'udp' })
    expect(network.list()).toEqual([])
    taken.close()
    await once(taken, 'close')
    const { namespacePath } = await network.attach('one', [port])
    await listenIn(namespacePath, 'one', PORT)
    expect((await udpQuery(PORT, Buffer.from('x'), 3000)).toString()).toBe('one x')
  })

  it('leads a player who never stops sending to the server that has the port now', async () => {
    const port = { ip: '127.0.0.1', port: PORT, protocol: 'udp', containerPort: PORT } as const
    const player = createSocket('udp4')
    const heard: string[] = []
    player.on('message', (message: Buffer) => heard.push(message.toString()))
    player.on('error', () => undefined)
    const sending = setInterval(() => {
      player.send('hi', PORT, '127.0.0.1')
    }, 20)
    const hear = async (text: string) => {
      while (!heard.includes(text)) await once(player, 'message')
    }
    try {
      // Before anybody has the port, flows of it are remembered already.
      await new Promise((resolve) => {
        player.send('hi', PORT, '127.0.0.1', resolve)
      })
      const one = await network.attach('one', [port])
      await listenIn(one.namespacePath, 'one', PORT)
      await hear('one hi')
      const two = await network.attach('two', [])
      await network.detach('one')
      await network.attach('two', [port])
      await listenIn(two.namespacePath, 'two', PORT)
      await hear('two hi')
    } finally {
      clearInterval(sending)
      player.close()
    }
  })

  it('mends what a kill left half-made, and takes away what nobody knows', async () => {
    await network.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
    const namespaceOfOne =
      ip('netns', 'list')
        .split('\n')
        .find((line) => line.startsWith(NAMESPACE))
        ?.split(' ')[0] ?? ''
    ip('-n', namespaceOfOne, 'address', 'flush', 'dev', 'eth0')
    ip('netns', 'add', `${NAMESPACE}--stray`)
    execFileSync('iptables', ['-w', '-t', 'nat', '-D', 'OUTPUT', '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', `${NAMESPACE}-dnat`])

    // What a new agent does first.
    const reborn = open()
    await reborn.reconcile(new Set(['one']))
    expect(ip('netns', 'list')).not.toContain('stray')
    const { namespacePath } = await reborn.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
    await listenIn(namespacePath, 'one', PORT)
    expect(await askTcp('127.0.0.1', PORT)).toBe('one')

    await reborn.reconcile(new Set())
    expect(reborn.list()).toEqual([])
    expect(JSON.parse(readFileSync(path.join(folder, 'network.json'), 'utf8'))).toMatchObject({ servers: {} })
  })

  it('lives beside another product and goes without touching it', async () => {
    const place = mkdtempSync(path.join(tmpdir(), 'catalyst-network-'))
    const other = open(OTHER, place)
    try {
      const mine = await network.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
      const theirs = await other.attach('one', [{ ip: '127.0.0.1', port: PORT + 1, protocol: 'tcp', containerPort: PORT }])
      expect(mine.address).not.toBe(theirs.address)
      await listenIn(theirs.namespacePath, 'theirs', PORT)
      await network.teardown()
      expect(await askTcp('127.0.0.1', PORT + 1)).toBe('theirs')
    } finally {
      await other.teardown()
      rmSync(place, { recursive: true, force: true })
    }
    expect(traces()).toEqual(before)
  })
})
