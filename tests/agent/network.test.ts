import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHost, type Host } from '../../agent/src/network/host.ts'
import { createNetwork, type Network } from '../../agent/src/network/network.ts'
import { namesFor } from '../../agent/src/network/names.ts'
import { ForeignAddressError, PortInUseError } from '../../agent/src/network/port-check.ts'
import { whyNoContainerd } from '../support/containerd.ts'
import { createWorld, ip, listenIn, probeFrom, type World } from '../support/netns.ts'
import { udpQuery } from '../support/udp-query.ts'

const reason = whyNoContainerd()
const NAMESPACE = `catnet-${String(process.pid)}`
const OTHER = `catnet2-${String(process.pid)}`
const PORT = 26_801

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
  ...ip('route', 'show').split('\n'),
]
const hostAddress = () =>
  Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry?.family === 'IPv4' && !entry.internal && !entry.address.startsWith('10.96.'))?.address ?? '127.0.0.1'

/** Packets that the kernel has refused because the way back would be another. */
function refusedByPath(): number {
  const [names = '', values = ''] = readFileSync('/proc/net/netstat', 'utf8').split('\n')
  return Number(values.split(' ')[names.split(' ').indexOf('IPReversePathFilter')])
}

const children: (() => void)[] = []
const listen = async (namespace: string | null, name: string, port: number) => void children.push(await listenIn(namespace, name, port))

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
    await listen(namespacePath, 'one', PORT)
    expect(await askTcp('127.0.0.1', PORT)).toMatch(/^one /)
    expect(await askTcp(address, PORT)).toMatch(/^one /)
    expect((await udpQuery(PORT, Buffer.from('hello'), 3000)).toString()).toBe('one hello')

    await network.detach('one')
    await network.detach('one')
    expect(network.list()).toEqual([])
    await network.teardown()
    await network.teardown()
    expect(traces()).toEqual(before)
  })

  describe('isolation', () => {
    const METADATA = '169.254.169.254'
    let world: World

    beforeEach(async () => {
      world = createWorld(`catw-${String(process.pid)}`, [METADATA, '100.100.100.200'])
      await listen(null, 'host', PORT + 1)
      await listen(world.namespace, 'world', PORT + 2)
    })
    afterEach(() => {
      world.dispose()
    })
    const published = (port: number) => ({ ip: world.hostAddress, port, protocol: 'tcp', containerPort: PORT }) as const

    it('lets players in by the published address, servers out to the world, and the answers back', async () => {
      const one = await network.attach('one', [published(PORT)])
      await listen(one.namespacePath, 'one', PORT)
      expect(await probeFrom(world.namespace, world.hostAddress, PORT)).toBe(`one ${world.address}`)
      // Games see who plays; the world sees the node.
      expect(await probeFrom(one.namespacePath, world.address, PORT + 2)).toBe(`world ${world.hostAddress}`)
    })

    it('keeps servers from each other: only the published way of the players leads in', async () => {
      const one = await network.attach('one', [published(PORT)])
      const two = await network.attach('two', [])
      await listen(one.namespacePath, 'one', PORT)
      // The probe itself works: a server reaches what listens in its own namespace.
      expect(await probeFrom(one.namespacePath, one.address, PORT)).toMatch(/^one /)
      expect(await probeFrom(two.namespacePath, one.address, PORT)).toBe('closed')
      expect(await probeFrom(world.namespace, one.address, PORT)).toBe('closed')
      expect(await probeFrom(two.namespacePath, world.hostAddress, PORT)).toMatch(/^one /)
      expect(await probeFrom(one.namespacePath, world.hostAddress, PORT)).toMatch(/^one /)
      await network.detach('one')
      expect(await probeFrom(two.namespacePath, world.hostAddress, PORT)).toBe('closed')
    })

    it('keeps servers from the host on each of its addresses, and from loopback', async () => {
      const one = await network.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
      const two = await network.attach('two', [])
      await listen(one.namespacePath, 'one', PORT)
      const gateway = two.address.replace(/\.\d+$/, '.1')
      expect(await askTcp(world.hostAddress, PORT + 1)).toMatch(/^host /)
      for (const address of [gateway, hostAddress(), world.hostAddress])
        expect(await probeFrom(two.namespacePath, address, PORT + 1)).toBe('closed')
      // Only who may change its own routes gets this far, as no server may.
      const inTwo = (...args: string[]) => ip('-n', path.basename(two.namespacePath), ...args)
      inTwo('link', 'set', 'lo', 'down')
      inTwo('route', 'add', '127.0.0.1', 'via', gateway)
      for (const port of [PORT, PORT + 1]) expect(await probeFrom(two.namespacePath, '127.0.0.1', port, two.address)).toBe('closed')
    })

    it('takes no IPv6 from servers', async () => {
      await network.attach('one', [])
      const cable = namesFor(NAMESPACE).cable(2)
      expect(ip('-6', 'address', 'show', 'dev', cable)).toBe('')
      expect(readFileSync(`/proc/sys/net/ipv6/conf/${cable}/disable_ipv6`, 'utf8').trim()).toBe('1')
    })

    it('keeps servers from the metadata of a cloud', async () => {
      const one = await network.attach('one', [])
      for (const address of [METADATA, '100.100.100.200']) {
        expect(await askTcp(address, PORT + 2)).toMatch(/^world /)
        expect(await probeFrom(one.namespacePath, address, PORT + 2)).toBe('closed')
      }
    })

    it('gives nothing to a server that takes the addresses of another', async () => {
      const one = await network.attach('one', [published(PORT)])
      const two = await network.attach('two', [])
      await listen(one.namespacePath, 'one', PORT)
      await listen(two.namespacePath, 'two', PORT)
      const inTwo = (...args: string[]) => ip('-n', path.basename(two.namespacePath), ...args)
      expect(await probeFrom(two.namespacePath, world.address, PORT + 2, two.address)).toMatch(/^world /)
      inTwo('address', 'add', `${one.address}/32`, 'dev', 'eth0')
      // And one that is nobody's.
      inTwo('address', 'add', '203.0.113.7/32', 'dev', 'eth0')
      for (const address of [one.address, '203.0.113.7']) {
        const before = refusedByPath()
        expect(await probeFrom(two.namespacePath, world.address, PORT + 2, address)).toBe('closed')
        // The kernel itself has thrown it away: nobody has heard of it.
        expect(refusedByPath()).toBeGreaterThan(before)
      }
      expect(await probeFrom(world.namespace, world.hostAddress, PORT)).toMatch(/^one /)
    })
  })

  describe('after a kill at every step', () => {
    const ports = [{ ip: '127.0.0.1', port: PORT, protocol: 'both', containerPort: PORT }] as const
    /** A machine on which the agent dies at the nth thing that it does, before or after it has happened. */
    function dyingHost(nth: number, when: 'before' | 'after'): Host {
      const host = createHost()
      let count = 0
      const dying = async <T>(work: () => Promise<T>): Promise<T> => {
        count += 1
        if (count > nth || (count === nth && when === 'before')) throw new Error('killed')
        const result = await work()
        if (count === nth) throw new Error('killed')
        return result
      }
      return {
        run: (...args) => dying(() => host.run(...args)),
        succeeds: (...args) => dying(() => host.succeeds(...args)),
        feed: (...args) => dying(() => host.feed(...args)),
      }
    }
    const wasKilled = (work: Promise<unknown>) =>
      work.then(
        () => false,
        (error: unknown) => error instanceof Error && error.message === 'killed',
      )

    it.each(['before', 'after'] as const)(
      'of attaching (%s it has happened): the next agent finishes it, or takes it back whole',
      async (when) => {
        // What stays as long as there are servers at all.
        await network.attach('other', [])
        const without = traces()
        let steps = 0
        while (await wasKilled(createNetwork({ namespace: NAMESPACE, host: dyingHost(steps + 1, when), folder }).attach('one', ports))) {
          steps += 1
          const forgetful = open()
          await forgetful.reconcile(new Set(['other']))
          expect(traces()).toEqual(without)
          expect(forgetful.list()).toEqual(['other'])
        }
        expect(steps).toBeGreaterThan(8)
        // The last try has come through: as whole as if nobody had ever died.
        expect(rules().filter((line) => line.includes(`--dport ${String(PORT)} `))).toHaveLength(2)
        await open().reconcile(new Set(['other']))
        expect(traces()).toEqual(without)
      },
    )

    it.each(['before', 'after'] as const)('of detaching (%s it has happened): the next agent takes back the rest', async (when) => {
      await network.attach('other', [])
      const without = traces()
      let steps = 0
      for (;;) {
        await open().attach('one', ports)
        const dying = createNetwork({ namespace: NAMESPACE, host: dyingHost(steps + 1, when), folder })
        if (!(await wasKilled(dying.detach('one')))) break
        steps += 1
        await open().reconcile(new Set(['other']))
        expect(traces()).toEqual(without)
      }
      expect(steps).toBeGreaterThan(2)
      expect(traces()).toEqual(without)
    })
  })

  it('refuses an address that the node does not have', async () => {
    const refused = network.attach('one', [{ ip: '203.0.113.9', port: PORT, protocol: 'tcp', containerPort: PORT }])
    await expect(refused).rejects.toThrow(ForeignAddressError)
    expect(network.list()).toEqual([])
    expect(rules().some((line) => line.includes('203.0.113.9'))).toBe(false)
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
    await listen(namespacePath, 'one', PORT)
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
      await listen(one.namespacePath, 'one', PORT)
      await hear('one hi')
      const two = await network.attach('two', [])
      await network.detach('one')
      await network.attach('two', [port])
      await listen(two.namespacePath, 'two', PORT)
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
    ip('link', 'set', namesFor(NAMESPACE).cable(2), 'down')
    ip('netns', 'add', `${NAMESPACE}--stray`)
    execFileSync('iptables', ['-w', '-t', 'nat', '-D', 'OUTPUT', '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', `${NAMESPACE}-dnat`])

    // What a new agent does first.
    const reborn = open()
    await reborn.reconcile(new Set(['one']))
    expect(ip('netns', 'list')).not.toContain('stray')
    const { namespacePath } = await reborn.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
    await listen(namespacePath, 'one', PORT)
    expect(await askTcp('127.0.0.1', PORT)).toMatch(/^one /)

    await reborn.reconcile(new Set())
    expect(reborn.list()).toEqual([])
    expect(JSON.parse(readFileSync(path.join(folder, 'network.json'), 'utf8'))).toMatchObject({ servers: {} })
  })

  it('leaves the cable alone of a game whose attachment was lost, and takes it away when nobody knows the game', async () => {
    await network.attach('one', [])
    // Its file was lost, its game runs on.
    rmSync(path.join(folder, 'network.json'))
    const reborn = open()
    await reborn.reconcile(new Set(['one']))
    const { namespacePath } = await reborn.attach('two', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
    await listen(namespacePath, 'two', PORT)
    expect(await askTcp('127.0.0.1', PORT)).toMatch(/^two /)
    expect(ip('netns', 'list')).toContain(`${NAMESPACE}--one`)

    rmSync(path.join(folder, 'network.json'))
    network = open()
    await network.reconcile(new Set())
    expect(ip('netns', 'list')).not.toContain(NAMESPACE)
  })

  it('lives beside another product and goes without touching it', async () => {
    const place = mkdtempSync(path.join(tmpdir(), 'catalyst-network-'))
    const other = open(OTHER, place)
    try {
      const mine = await network.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
      const theirs = await other.attach('one', [{ ip: '127.0.0.1', port: PORT + 1, protocol: 'tcp', containerPort: PORT }])
      expect(mine.address).not.toBe(theirs.address)
      await listen(theirs.namespacePath, 'theirs', PORT)
      await network.teardown()
      expect(await askTcp('127.0.0.1', PORT + 1)).toMatch(/^theirs /)
    } finally {
      await other.teardown()
      rmSync(place, { recursive: true, force: true })
    }
    expect(traces()).toEqual(before)
  })
})
