import type { NetworkNames } from './names.ts'

export type PortProtocol = 'tcp' | 'udp' | 'both'

/** A port of the node that leads to a server. */
export type PortMapping = { ip: string; port: number; protocol: PortProtocol; containerPort: number }

/** A server with its address in our network and its ports. */
export type Attachment = { address: string; ports: readonly PortMapping[] }

const protocolsOf = (protocol: PortProtocol) => (protocol === 'both' ? ['tcp', 'udp'] : [protocol])

/**
 * The complete contents of our chains as `iptables-restore --noflush` reads them. Each application replaces them whole and
 * at once, so a rule that nobody needs any more cannot stay behind.
 *
 * - Servers answer what came to their ports, and reach the world; not each other, not the host, not link-local metadata.
 * - Isolation is decided by the routing of the host. Frames between servers never get here: their bridge ports are isolated.
 */
export function renderFirewall(names: NetworkNames, cidr: string, attachments: readonly Attachment[]): string {
  const { bridge, chains } = names
  const destinations = attachments.flatMap(({ address, ports }) =>
    ports.flatMap((mapping) =>
      // Players on the machine itself use loopback too.
      [...new Set([mapping.ip, '127.0.0.1'])].flatMap((ip) =>
        protocolsOf(mapping.protocol).map(
          (protocol) =>
            `-A ${chains.destination} -d ${ip}/32 -p ${protocol} --dport ${String(mapping.port)} -j DNAT --to-destination ${address}:${String(mapping.containerPort)}`,
        ),
      ),
    ),
  )
  return [
    '*filter',
    `:${chains.forward} - [0:0]`,
    `:${chains.input} - [0:0]`,
    `-A ${chains.forward} -i ${bridge} -o ${bridge} -j DROP`,
    `-A ${chains.forward} -i ${bridge} -d 169.254.0.0/16 -j DROP`,
    `-A ${chains.forward} -i ${bridge} ! -s ${cidr} -j DROP`,
    `-A ${chains.forward} -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A ${chains.forward} -o ${bridge} -m conntrack --ctstate DNAT -j ACCEPT`,
    `-A ${chains.forward} -o ${bridge} -j DROP`,
    `-A ${chains.forward} -i ${bridge} -j ACCEPT`,
    `-A ${chains.input} -i ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A ${chains.input} -i ${bridge} -j DROP`,
    'COMMIT',
    '*nat',
    `:${chains.destination} - [0:0]`,
    `:${chains.source} - [0:0]`,
    ...destinations,
    `-A ${chains.source} -s ${cidr} ! -o ${bridge} -j MASQUERADE`,
    `-A ${chains.source} -s 127.0.0.0/8 -o ${bridge} -j MASQUERADE`,
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
