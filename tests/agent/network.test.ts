import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { createHost, type Host } from '../../agent/src/network/host.ts'
import { namesFor } from '../../agent/src/network/names.ts'
import { createNetwork } from '../../agent/src/network/network.ts'
import { ForeignAddressError, PortInUseError } from '../../agent/src/network/port-check.ts'
import { whyNoContainerd } from '../support/containerd.ts'
import { ip } from '../support/netns.ts'
import { askTcp, hostAddress, NAMESPACE, PORT, rules, traces, useNetwork } from '../support/network-scene.ts'
import { udpQuery } from '../support/udp-query.ts'

const reason = whyNoContainerd()
const OTHER = `catnet2-${String(process.pid)}`

describe.skipIf(reason !== null)(`network of servers${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  const scene = useNetwork()
  const { listen, open } = scene

  it('maps TCP and UDP on loopback and on the address of the node, and undoes all of it', async () => {
    const address = hostAddress()
    const { namespacePath } = await scene.network.attach('one', [{ ip: address, port: PORT, protocol: 'both', containerPort: PORT }])
    await listen(namespacePath, 'one', PORT)
    expect(await askTcp('127.0.0.1', PORT)).toMatch(/^one /)
    expect(await askTcp(address, PORT)).toMatch(/^one /)
    expect((await udpQuery(PORT, Buffer.from('hello'), 3000)).toString()).toBe('one hello')

    await scene.network.detach('one')
    await scene.network.detach('one')
    expect(scene.network.list()).toEqual([])
    await scene.network.teardown()
    await scene.network.teardown()
    expect(traces()).toEqual(scene.before)
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
    const dyingNetwork = (nth: number, when: 'before' | 'after') =>
      createNetwork({ namespace: NAMESPACE, host: dyingHost(nth, when), folder: scene.folder })
    const wasKilled = (work: Promise<unknown>) =>
      work.then(
        () => false,
        (error: unknown) => error instanceof Error && error.message === 'killed',
      )

    it.each(['before', 'after'] as const)(
      'of attaching (%s it has happened): the next agent finishes it, or takes it back whole',
      async (when) => {
        // What stays as long as there are servers at all.
        await scene.network.attach('other', [])
        const without = traces()
        let steps = 0
        while (await wasKilled(dyingNetwork(steps + 1, when).attach('one', ports))) {
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
      await scene.network.attach('other', [])
      const without = traces()
      let steps = 0
      for (;;) {
        await open().attach('one', ports)
        if (!(await wasKilled(dyingNetwork(steps + 1, when).detach('one')))) break
        steps += 1
        await open().reconcile(new Set(['other']))
        expect(traces()).toEqual(without)
      }
      expect(steps).toBeGreaterThan(2)
      expect(traces()).toEqual(without)
    })
  })

  it('refuses an address that the node does not have', async () => {
    const refused = scene.network.attach('one', [{ ip: '203.0.113.9', port: PORT, protocol: 'tcp', containerPort: PORT }])
    await expect(refused).rejects.toThrow(ForeignAddressError)
    expect(scene.network.list()).toEqual([])
    expect(rules().some((line) => line.includes('203.0.113.9'))).toBe(false)
  })

  it('refuses a port that a program of the host has, and takes it when it is free again', async () => {
    const port = { ip: '127.0.0.1', port: PORT, protocol: 'udp', containerPort: PORT } as const
    const taken = createSocket('udp4').bind(PORT, '0.0.0.0')
    await once(taken, 'listening')
    await expect(scene.network.attach('one', [port])).rejects.toThrow(PortInUseError)
    await expect(scene.network.attach('one', [port])).rejects.toMatchObject({ port: PORT, protocol: 'udp' })
    expect(scene.network.list()).toEqual([])
    taken.close()
    await once(taken, 'close')
    const { namespacePath } = await scene.network.attach('one', [port])
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
      const one = await scene.network.attach('one', [port])
      await listen(one.namespacePath, 'one', PORT)
      await hear('one hi')
      const two = await scene.network.attach('two', [])
      await scene.network.detach('one')
      await scene.network.attach('two', [port])
      await listen(two.namespacePath, 'two', PORT)
      await hear('two hi')
    } finally {
      clearInterval(sending)
      player.close()
    }
  })

  it('mends what a kill left half-made, and takes away what nobody knows', async () => {
    await scene.network.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
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
    expect(JSON.parse(readFileSync(path.join(scene.folder, 'network.json'), 'utf8'))).toMatchObject({ servers: {} })
  })

  it('leaves the cable alone of a game whose attachment was lost, and takes it away when nobody knows the game', async () => {
    await scene.network.attach('one', [])
    // Its file was lost, its game runs on.
    rmSync(path.join(scene.folder, 'network.json'))
    const reborn = open()
    await reborn.reconcile(new Set(['one']))
    const { namespacePath } = await reborn.attach('two', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
    await listen(namespacePath, 'two', PORT)
    expect(await askTcp('127.0.0.1', PORT)).toMatch(/^two /)
    expect(ip('netns', 'list')).toContain(`${NAMESPACE}--one`)

    rmSync(path.join(scene.folder, 'network.json'))
    scene.reopen()
    await scene.network.reconcile(new Set())
    expect(ip('netns', 'list')).not.toContain(NAMESPACE)
  })

  it('lives beside another product and goes without touching it', async () => {
    const place = mkdtempSync(path.join(tmpdir(), 'catalyst-network-'))
    const other = open(OTHER, place)
    try {
      const mine = await scene.network.attach('one', [{ ip: '127.0.0.1', port: PORT, protocol: 'tcp', containerPort: PORT }])
      const theirs = await other.attach('one', [{ ip: '127.0.0.1', port: PORT + 1, protocol: 'tcp', containerPort: PORT }])
      expect(mine.address).not.toBe(theirs.address)
      await listen(theirs.namespacePath, 'theirs', PORT)
      await scene.network.teardown()
      expect(await askTcp('127.0.0.1', PORT + 1)).toMatch(/^theirs /)
    } finally {
      await other.teardown()
      rmSync(place, { recursive: true, force: true })
    }
    expect(traces()).toEqual(scene.before)
  })
})
