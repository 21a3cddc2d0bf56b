import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { chainsOf, jumpsOf, renderFirewall, type PortMapping } from './firewall.ts'
import type { Host } from './host.ts'
import { namesFor } from './names.ts'
import { assertPortsFree } from './port-check.ts'
import { addressOf, chooseSubnet, cidrOf, freeIndex, gatewayOf, type Subnet } from './subnet.ts'

const NAMESPACE_FOLDER = '/run/netns'

/** Network of the servers of one node: a bridge, a network namespace and an address for each, and their ports. */
export type Network = {
  /**
   * Gives a server its network namespace and ports; repeating it with other ports changes them.
   * @throws PortInUseError when a program of the host has one of the ports
   */
  attach(id: string, ports: readonly PortMapping[]): Promise<{ namespacePath: string; address: string }>
  /** Takes namespace, address and ports back. Idempotent. */
  detach(id: string): Promise<void>
  /** Ids of the servers that are attached. */
  list(): string[]
  /** Makes bridge and rules what they should be, and detaches whoever is not in `known`: after a start of the agent or the machine. */
  reconcile(known: ReadonlySet<string>): Promise<void>
  /** Takes everything back, the bridge too. */
  teardown(): Promise<void>
}

export type NetworkOptions = { namespace: string; host: Host; /** Holds `network.json`. */ folder: string }

/** What has to be known to undo; written before it is done. */
type Stored = { subnet: Subnet; servers: Record<string, { index: number; ports: PortMapping[] }> }

export function createNetwork({ namespace, host, folder }: NetworkOptions): Network {
  const names = namesFor(namespace)
  const file = path.join(folder, 'network.json')
  let stored: Stored | null = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Stored) : null
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
    writeFileSync(`${file}.new`, JSON.stringify(next), { mode: 0o600 })
    renameSync(`${file}.new`, file)
    stored = next
  }

  const namespaceOf = (id: string) => `${names.namespacePrefix}${id}`

  async function takenNetworks(): Promise<string[]> {
    const routes = JSON.parse(await host.run('ip', ['-j', '-4', 'route', 'show', 'table', 'all'])) as { dst: string; dev?: string }[]
    return routes.filter((route) => route.dev !== names.bridge).map((route) => route.dst)
  }

  /** Bridge, forwarding and jumps: made once in a life of the agent, found again after a kill. */
  async function ensureBase(): Promise<Stored> {
    const current = stored ?? { subnet: chooseSubnet(await takenNetworks()), servers: {} }
    if (stored === null) save(current)
    if (isReady) return current
    if (!(await host.succeeds('ip', ['link', 'show', names.bridge]))) await host.run('ip', ['link', 'add', names.bridge, 'type', 'bridge'])
    await host.run('ip', ['address', 'replace', `${gatewayOf(current.subnet)}/20`, 'dev', names.bridge])
    await host.run('ip', ['link', 'set', names.bridge, 'up'])
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
    // Our rules are of IPv4: without an IPv6 address of its own the host cannot be reached over the bridge by link-local addresses.
    const ipv6 = `/proc/sys/net/ipv6/conf/${names.bridge}/disable_ipv6`
    if (existsSync(ipv6)) await writeFile(ipv6, '1')
    // Lets loopback of the host lead to ports of servers. What servers send to loopback is dropped by our input chain.
    await writeFile(`/proc/sys/net/ipv4/conf/${names.bridge}/route_localnet`, '1')
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
    await host.feed('iptables-restore', ['-w', '--noflush'], renderFirewall(names, cidrOf(current.subnet), attachments))
  }

  async function plug(id: string, address: string, gateway: string): Promise<void> {
    const name = namespaceOf(id)
    if (!existsSync(path.join(NAMESPACE_FOLDER, name))) await host.run('ip', ['netns', 'add', name])
    const cable = names.cable(id)
    // A kill may have come at any line of this: whatever is there already is set again, never taken as complete.
    const isThere = await host.succeeds('ip', ['link', 'show', cable])
    await host.feed(
      'ip',
      ['-batch', '-'],
      [
        ...(isThere ? [] : [`link add ${cable} type veth peer name eth0 netns ${name}`]),
        `link set ${cable} master ${names.bridge}`,
        // Frames never pass from one server to another, whatever br_netfilter does.
        `link set ${cable} type bridge_slave isolated on`,
        `link set ${cable} up`,
        '',
      ].join('\n'),
    )
    await host.feed(
      'ip',
      ['-n', name, '-batch', '-'],
      `address replace ${address}/20 dev eth0\nlink set lo up\nlink set eth0 up\nroute replace default via ${gateway}\n`,
    )
  }

  /** Answers to earlier players may be remembered for a port that leads elsewhere now. */
  async function forgetFlows(ports: readonly PortMapping[]): Promise<void> {
    for (const { port, protocol } of ports)
      if (protocol !== 'tcp') await host.succeeds('conntrack', ['-D', '-p', 'udp', '--orig-port-dst', String(port)])
  }

  async function unplug(id: string): Promise<void> {
    // The cable goes with its namespace; a cable whose namespace was never made goes by name.
    await host.succeeds('ip', ['netns', 'delete', namespaceOf(id)])
    await host.succeeds('ip', ['link', 'delete', names.cable(id)])
  }

  async function detach(id: string): Promise<void> {
    if (stored === null) return
    const servers = { ...stored.servers }
    const ports = servers[id]?.ports ?? []
    await unplug(id)
    if (servers[id] === undefined) return
    // Only now: a kill before this line is undone again by the next detach.
    Reflect.deleteProperty(servers, id)
    const next = { ...stored, servers }
    await applyFirewall(next)
    await forgetFlows(ports)
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

  return {
    attach: (id, ports) =>
      inOrder(async () => {
        const current = await ensureBase()
        const old = current.servers[id]
        const isSame = JSON.stringify(old?.ports) === JSON.stringify(ports)
        if (!isSame) await assertPortsFree(ports)
        const index = old?.index ?? freeIndex(new Set(Object.values(current.servers).map((server) => server.index)))
        const next = { ...current, servers: { ...current.servers, [id]: { index, ports: [...ports] } } }
        save(next)
        const address = addressOf(next.subnet, index)
        await plug(id, address, gatewayOf(next.subnet))
        if (!isSame) {
          await applyFirewall(next)
          await forgetFlows(ports)
        }
        return { namespacePath: path.join(NAMESPACE_FOLDER, namespaceOf(id)), address }
      }),

    detach: (id) => inOrder(() => detach(id)),

    list: () => Object.keys(stored?.servers ?? {}),

    reconcile: (known) =>
      inOrder(async () => {
        if (stored === null && known.size === 0) return
        isReady = false
        await ensureBase()
        const present = await existingNamespaces()
        for (const id of new Set([...Object.keys(stored?.servers ?? {}), ...present])) if (!known.has(id)) await detach(id)
      }),

    teardown: () =>
      inOrder(async () => {
        for (const id of new Set([...Object.keys(stored?.servers ?? {}), ...(await existingNamespaces())])) await unplug(id)
        await host.succeeds('ip', ['link', 'delete', names.bridge])
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
