/** An IPv4 network of ours: 4094 servers a node. The first address is the host's, on every cable. */
export type Subnet = { base: number }

const PREFIX_LENGTH = 20
const SIZE = 2 ** (32 - PREFIX_LENGTH)

export function parseAddress(text: string): number {
  return text.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

export function formatAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number / 2 ** shift) & 255).join('.')
}

export const cidrOf = (subnet: Subnet): string => `${formatAddress(subnet.base)}/${String(PREFIX_LENGTH)}`
export const gatewayOf = (subnet: Subnet): string => formatAddress(subnet.base + 1)
export const addressOf = (subnet: Subnet, index: number): string => formatAddress(subnet.base + index)

type Range = { from: number; to: number }

function rangeOf(cidr: string): Range {
  const [address = '0.0.0.0', length = '32'] = cidr.split('/')
  const size = 2 ** (32 - Number(length))
  const from = Math.floor(parseAddress(address) / size) * size
  return { from, to: from + size }
}

/**
 * The first network of 10.96.0.0/11 that meets none of `taken` (CIDRs of routes and interfaces).
 * @throws when there is none
 */
export function chooseSubnet(taken: readonly string[]): Subnet {
  const ranges = taken.filter((cidr) => cidr !== 'default').map(rangeOf)
  const { from, to } = rangeOf('10.96.0.0/11')
  for (let base = from; base < to; base += SIZE) {
    if (!ranges.some((range) => base < range.to && range.from < base + SIZE)) return { base }
  }
  throw new Error('All of 10.96.0.0/11 is in use on this node: no network is left for servers.')
}

/** The lowest index that nobody has; 2 is the first server's.
 * @throws when all are given away */
export function freeIndex(used: ReadonlySet<number>): number {
  for (let index = 2; index < SIZE - 1; index += 1) if (!used.has(index)) return index
  throw new Error('This node has no address left for another server.')
}
