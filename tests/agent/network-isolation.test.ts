import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { namesFor } from '../../agent/src/network/names.ts'
import { whyNoContainerd } from '../support/containerd.ts'
import { createWorld, ip, probeFrom, type World } from '../support/netns.ts'
import { askTcp, hostAddress, NAMESPACE, PORT, useNetwork } from '../support/network-scene.ts'

const reason = whyNoContainerd()
const METADATA = '169.254.169.254'

/** Packets that the kernel has refused because the way back would be another. */
function refusedByPath(): number {
  const [names = '', values = ''] = readFileSync('/proc/net/netstat', 'utf8').split('\n')
  return Number(values.split(' ')[names.split(' ').indexOf('IPReversePathFilter')])
}

describe.skipIf(reason !== null)(`isolation of servers${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  const scene = useNetwork()
  const { listen } = scene
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
    const one = await scene.network.attach('one', [published(PORT)])
    await listen(one.namespacePath, 'one', PORT)
    expect(await probeFrom(world.namespace, world.hostAddress, PORT)).toBe(`one ${world.address}`)
    // Games see who plays; the world sees the node.
    expect(await probeFrom(one.namespacePath, world.address, PORT + 2)).toBe(`world ${world.hostAddress}`)
  })

  it('keeps servers from each other: only the published way of the players leads in', async () => {
    const one = await scene.network.attach('one', [published(PORT)])
    const two = await scene.network.attach('two', [])
    await listen(one.namespacePath, 'one', PORT)
    // The probe itself works: a server reaches what listens in its own namespace.
    expect(await probeFrom(one.namespacePath, one.address, PORT)).toMatch(/^one /)
    expect(await probeFrom(two.namespacePath, one.address, PORT)).toBe('closed')
    expect(await probeFrom(world.namespace, one.address, PORT)).toBe('closed')
    expect(await probeFrom(two.namespacePath, world.hostAddress, PORT)).toMatch(/^one /)
    expect(await probeFrom(one.namespacePath, world.hostAddress, PORT)).toMatch(/^one /)
    await scene.network.detach('one')
    expect(await probeFrom(two.namespacePath, world.hostAddress, PORT)).toBe('closed')
  })

  it('keeps servers from the host on each of its addresses, and from loopback', async () => {
    const one = await scene.network.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
    const two = await scene.network.attach('two', [])
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
    await scene.network.attach('one', [])
    const cable = namesFor(NAMESPACE).cable(2)
    expect(ip('-6', 'address', 'show', 'dev', cable)).toBe('')
    expect(readFileSync(`/proc/sys/net/ipv6/conf/${cable}/disable_ipv6`, 'utf8').trim()).toBe('1')
  })

  it('keeps servers from the metadata of a cloud', async () => {
    const one = await scene.network.attach('one', [])
    for (const address of [METADATA, '100.100.100.200']) {
      expect(await askTcp(address, PORT + 2)).toMatch(/^world /)
      expect(await probeFrom(one.namespacePath, address, PORT + 2)).toBe('closed')
    }
  })

  it('gives nothing to a server that takes the addresses of another', async () => {
    const one = await scene.network.attach('one', [published(PORT)])
    const two = await scene.network.attach('two', [])
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
