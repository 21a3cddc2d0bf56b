import type { NetworkNames } from './names.ts'

export type PortProtocol = 'tcp' | 'udp' | 'both'

/** A port of the node that leads to a server. */
export type PortMapping = { ip: string; port: number; protocol: PortProtocol; containerPort: number }

/** A server with its address in our network and its ports. */
export type Attachment = { address: string; ports: readonly PortMapping[] }

const protocolsOf = (protocol: PortProtocol) => (protocol === 'both' ? ['tcp', 'udp'] : [protocol])

/**
 * Where clouds tell a machine its secrets: link-local, Alibaba's own address, and Azure's, whose UDP is its name service.
 */
const METADATA = ['-d 169.254.0.0/16', '-d 100.100.100.200/32', '-d 168.63.129.16/32 -p tcp']

/**
 * The complete contents of our chains as `iptables-restore --noflush` reads them. Each application replaces them whole and
 * at once, so a rule that nobody needs any more cannot stay behind.
 *
 * - Servers answer what came to their ports, and reach the world; not each other, not the host, not the metadata of a cloud.
 * - A port that is published on an address of the node is as open to servers as to any player: a proxy finds its servers so.
 * - All of this is decided by the routing of the host: each server has a cable of its own, and no bridge that frames could
 *   cross. Who sends from an address that is not its own is stopped by the kernel's reverse path check.
 *
 * @param nameservers link-local ones, which answer for names only
 */
export function renderFirewall(
  names: NetworkNames,
  cidr: string,
  attachments: readonly Attachment[],
  nameservers: readonly string[] = [],
): string {
  const { chains } = names
  const cables = `${names.cablePrefix}+`
  const lead = (ip: string, { port, containerPort }: PortMapping, protocol: string, address: string) =>
    // What a server sends to loopback addresses is never a player's.
    `-A ${chains.destination} ${ip.startsWith('127.') ? `! -i ${cables} ` : ''}-d ${ip}/32 -p ${protocol} --dport ${String(port)} -j DNAT --to-destination ${address}:${String(containerPort)}`
  const destinations = attachments.flatMap(({ address, ports }) =>
    ports.flatMap((mapping) =>
      // Players on the machine itself use loopback too.
      [...new Set([mapping.ip, '127.0.0.1'])].flatMap((ip) =>
        protocolsOf(mapping.protocol).map((protocol) => lead(ip, mapping, protocol, address)),
      ),
    ),
  )
  const resolvers = nameservers.flatMap((ip) =>
    ['udp', 'tcp'].map((protocol) => `-A ${chains.forward} -i ${cables} -d ${ip}/32 -p ${protocol} --dport 53 -j ACCEPT`),
  )
  return [
    '*filter',
    `:${chains.forward} - [0:0]`,
    `:${chains.input} - [0:0]`,
    `-A ${chains.forward} -i ${cables} ! -s ${cidr} -j DROP`,
    ...resolvers,
    ...METADATA.map((target) => `-A ${chains.forward} -i ${cables} ${target} -j DROP`),
    `-A ${chains.forward} -o ${cables} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A ${chains.forward} -o ${cables} -m conntrack --ctstate DNAT -j ACCEPT`,
    `-A ${chains.forward} -o ${cables} -j DROP`,
    `-A ${chains.forward} -i ${cables} -j ACCEPT`,
    `-A ${chains.input} -i ${cables} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A ${chains.input} -i ${cables} -j DROP`,
    'COMMIT',
    '*nat',
    `:${chains.destination} - [0:0]`,
    `:${chains.source} - [0:0]`,
    ...destinations,
    `-A ${chains.source} -s ${cidr} ! -o ${cables} -j MASQUERADE`,
    `-A ${chains.source} -s 127.0.0.0/8 -o ${cables} -j MASQUERADE`,
    // The answer to another server has to come back this way: the direct one is closed.
    `-A ${chains.source} -s ${cidr} -o ${cables} -m conntrack --ctstate DNAT -j MASQUERADE`,
    'COMMIT',
    '',
  ].join('\n')
}

/** Where our chains are entered: table, built-in chain, ours. */
export function jumpsOf({ chains }: NetworkNames): [table: string, from: string, to: string][] {
  return [
    ['filter', 'FORWARD', chains.forward],
    ['filter', 'INPUT', chains.input],
    ['nat', 'PREROUTING', chains.destination],
    ['nat', 'OUTPUT', chains.destination],
    ['nat', 'POSTROUTING', chains.source],
  ]
}

/** Our chains with their tables. */
export function chainsOf({ chains }: NetworkNames): [table: string, chain: string][] {
  return [
    ['filter', chains.forward],
    ['filter', chains.input],
    ['nat', chains.destination],
    ['nat', chains.source],
  ]
}
