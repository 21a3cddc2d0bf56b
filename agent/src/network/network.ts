import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { chainsOf, jumpsOf, renderFirewall, type PortMapping } from './firewall.ts'
import type { Host } from './host.ts'
import { namesFor } from './names.ts'
import { assertPortsFree } from './port-check.ts'
import { linkLocalNameservers } from './name-service.ts'
import { addressOf, chooseSubnet, cidrOf, freeIndex, gatewayOf, type Subnet } from './subnet.ts'

const NAMESPACE_FOLDER = '/run/netns'

/** Network of the servers of one node: a network namespace, a cable to the host and an address for each, and their ports. */
export type Network = {
  /**
   * Gives a server its network namespace and ports; repeating it with other ports changes them.
   * @throws PortInUseError when a program of the host has one of the ports
   * @throws ForeignAddressError when one is of an address that the host does not have
   */
  attach(id: string, ports: readonly PortMapping[]): Promise<{ namespacePath: string; address: string }>
  /** Takes namespace, address and ports back. Idempotent. */
  detach(id: string): Promise<void>
  /** Ids of the servers that are attached. */
  list(): string[]
  /** Makes routes and rules what they should be, and detaches whoever is not in `known`: after a start of the agent or the machine. */
  reconcile(known: ReadonlySet<string>): Promise<void>
  /** Takes everything back. */
  teardown(): Promise<void>
}

export type NetworkOptions = { namespace: string; host: Host; /** Holds `network.json`. */ folder: string }

/** What has to be known to undo; written before it is done. */
type Stored = { subnet: Subnet; servers: Record<string, { index: number; ports: PortMapping[] }> }

function load(file: string): Stored | null {
  if (!existsSync(file)) return null
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Stored
  } catch {
    // Cut off by a loss of power, with which everything that it speaks of went too.
    return null
  }
}

export function createNetwork({ namespace, host, folder }: NetworkOptions): Network {
  const names = namesFor(namespace)
  const file = path.join(folder, 'network.json')
  let stored: Stored | null = load(file)
  let isReady = false
  /** Changes of the host happen one after the other. */
  let last: Promise<unknown> = Promise.resolve()

  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work)
    last = next.catch(() => undefined)
    return next
  }

  function save(next: Stored): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.new`, JSON.stringify(next), { mode: 0o600, flush: true })
    renameSync(`${file}.new`, file)
    stored = next
  }

  const namespaceOf = (id: string) => `${names.namespacePrefix}${id}`

  async function takenNetworks(): Promise<string[]> {
    const routes = JSON.parse(await host.run('ip', ['-j', '-4', 'route', 'show', 'table', 'all'])) as { dst: string }[]
    return routes.map((route) => route.dst)
  }

  /** Forwarding, our network and the jumps: made once in a life of the agent, found again after a kill. */
  async function ensureBase(): Promise<Stored> {
    const current = stored ?? { subnet: chooseSubnet(await takenNetworks()), servers: {} }
    if (stored === null) save(current)
    if (isReady) return current
    // Takes the network for us, and keeps what is for a server that is gone from the way to the world.
    await host.run('ip', ['route', 'replace', 'unreachable', cidrOf(current.subnet)])
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
    await applyFirewall(current)
    for (const [table, from, to] of jumpsOf(names)) {
      const rule = from === 'OUTPUT' || from === 'PREROUTING' ? ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', to] : ['-j', to]
      if (!(await host.succeeds('iptables', ['-w', '-t', table, '-C', from, ...rule])))
        await host.run('iptables', ['-w', '-t', table, '-I', from, '1', ...rule])
    }
    isReady = true
    return current
  }

  async function applyFirewall(current: Stored): Promise<void> {
    const attachments = Object.values(current.servers).map(({ index, ports }) => ({ address: addressOf(current.subnet, index), ports }))
    await host.feed(
      'iptables-restore',
      ['-w', '--noflush'],
      renderFirewall(names, cidrOf(current.subnet), attachments, linkLocalNameservers()),
    )
  }

  async function plug(id: string, index: number, { subnet }: Stored): Promise<void> {
    const name = namespaceOf(id)
    const [cable, address, gateway] = [names.cable(index), addressOf(subnet, index), gatewayOf(subnet)]
    if (!existsSync(path.join(NAMESPACE_FOLDER, name))) await host.run('ip', ['netns', 'add', name])
    // A kill may have come at any line of this: whatever is there already is set again, never taken as complete.
    if (!(await host.succeeds('ip', ['link', 'show', cable])))
      await host.run('ip', ['link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
    const set = (family: string, setting: string) => writeFile(`/proc/sys/net/${family}/conf/${cable}/${setting}`, '1')
    // Our rules are of IPv4: the host takes no IPv6 from servers at all.
    if (existsSync(`/proc/sys/net/ipv6/conf/${cable}`)) await set('ipv6', 'disable_ipv6')
    // Only the server's own address is believed.
    await set('ipv4', 'rp_filter')
    // Lets loopback of the host lead to ports of servers. What servers send to loopback is dropped by our input chain.
    await set('ipv4', 'route_localnet')
    await host.feed(
      'ip',
      ['-batch', '-'],
      `address replace ${gateway}/32 dev ${cable}\nlink set ${cable} up\nroute replace ${address}/32 dev ${cable}\n`,
    )
    await host.feed(
      'ip',
      ['-n', name, '-batch', '-'],
      [
        `address replace ${address}/32 dev eth0`,
        'link set lo up',
        'link set eth0 up',
        `route replace ${gateway} dev eth0 scope link`,
        `route replace default via ${gateway}`,
        '',
      ].join('\n'),
    )
  }

  /** Answers to earlier players may be remembered for a port that leads elsewhere now. */
  async function forgetFlows(ports: readonly PortMapping[]): Promise<void> {
    for (const { port, protocol } of ports)
      if (protocol !== 'tcp') await host.succeeds('conntrack', ['-D', '-p', 'udp', '--orig-port-dst', String(port)])
  }

  async function detach(id: string): Promise<void> {
    if (stored === null) return
    const servers = { ...stored.servers }
    const old = servers[id]
    await host.succeeds('ip', ['netns', 'delete', namespaceOf(id)])
    if (old === undefined) return
    // A process that is still in the namespace would keep the cable.
    await host.succeeds('ip', ['link', 'delete', names.cable(old.index)])
    // Only now: a kill before this line is undone again by the next detach.
    Reflect.deleteProperty(servers, id)
    const next = { ...stored, servers }
    await applyFirewall(next)
    await forgetFlows(old.ports)
    save(next)
  }

  async function existingNamespaces(): Promise<string[]> {
    const listed = await host.run('ip', ['netns', 'list'])
    return listed
      .split('\n')
      .map((line) => line.split(' ')[0] ?? '')
      .filter((name) => name.startsWith(names.namespacePrefix))
      .map((name) => name.slice(names.namespacePrefix.length))
  }

  /** Indexes whose cables are there, those of games included whose attachment was lost with our file. */
  async function cableIndexes(): Promise<number[]> {
    const links = JSON.parse(await host.run('ip', ['-j', 'link', 'show', 'type', 'veth'])) as { ifname?: string }[]
    return links.flatMap(({ ifname }) => (ifname?.startsWith(names.cablePrefix) ? [Number(ifname.slice(names.cablePrefix.length))] : []))
  }

  return {
    attach: (id, ports) =>
      inOrder(async () => {
        const current = await ensureBase()
        const old = current.servers[id]
        const isSame = JSON.stringify(old?.ports) === JSON.stringify(ports)
        if (!isSame) await assertPortsFree(ports)
        const given = Object.values(current.servers).map((server) => server.index)
        const index = old?.index ?? freeIndex(new Set([...given, ...(await cableIndexes())]))
        const next = { ...current, servers: { ...current.servers, [id]: { index, ports: [...ports] } } }
        save(next)
        await plug(id, index, next)
        if (!isSame) {
          await applyFirewall(next)
          await forgetFlows(ports)
        }
        return { namespacePath: path.join(NAMESPACE_FOLDER, namespaceOf(id)), address: addressOf(next.subnet, index) }
      }),

    detach: (id) => inOrder(() => detach(id)),

    list: () => Object.keys(stored?.servers ?? {}),

    reconcile: (known) =>
      inOrder(async () => {
        const present = await existingNamespaces()
        if (stored === null && known.size === 0 && present.length === 0) return
        isReady = false
        await ensureBase()
        for (const id of new Set([...Object.keys(stored?.servers ?? {}), ...present])) if (!known.has(id)) await detach(id)
      }),

    teardown: () =>
      inOrder(async () => {
        for (const id of new Set([...Object.keys(stored?.servers ?? {}), ...(await existingNamespaces())]))
          await host.succeeds('ip', ['netns', 'delete', namespaceOf(id)])
        for (const index of await cableIndexes()) await host.succeeds('ip', ['link', 'delete', names.cable(index)])
        if (stored !== null) await host.succeeds('ip', ['route', 'delete', 'unreachable', cidrOf(stored.subnet)])
        for (const [table, from, to] of jumpsOf(names)) {
          const rules = (await host.run('iptables-save', ['-t', table]))
            .split('\n')
            .filter((line) => line.startsWith(`-A ${from} `) && line.endsWith(`-j ${to}`))
          for (const rule of rules) await host.succeeds('iptables', ['-w', '-t', table, ...rule.replace('-A ', '-D ').split(' ')])
        }
        for (const [table, chain] of chainsOf(names)) {
          await host.succeeds('iptables', ['-w', '-t', table, '-F', chain])
          await host.succeeds('iptables', ['-w', '-t', table, '-X', chain])
        }
        rmSync(file, { force: true })
        stored = null
        isReady = false
      }),
  }
}
