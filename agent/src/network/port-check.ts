import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { PortMapping } from './firewall.ts'

/** Another program of the node listens on a port that a server was given. */
export class PortInUseError extends Error {
  override readonly name = 'PortInUseError'
  readonly ip: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  constructor(ip: string, port: number, protocol: 'tcp' | 'udp') {
    super(`Port ${String(port)} (${protocol}) of ${ip} is used by another program of the node.`)
    this.ip = ip
    this.port = port
    this.protocol = protocol
  }
}

/** A server was given a port of an address that this node does not have. */
export class ForeignAddressError extends Error {
  override readonly name = 'ForeignAddressError'
  readonly ip: string
  constructor(ip: string) {
    super(`${ip} is not an address of this node: only its own can lead to servers. Behind a router, use the address that it forwards to.`)
    this.ip = ip
  }
}

async function isTaken(ip: string, port: number, protocol: 'tcp' | 'udp'): Promise<boolean> {
  const probe = protocol === 'tcp' ? createServer() : createSocket('udp4')
  try {
    const bound = once(probe, 'listening')
    if ('listen' in probe) probe.listen({ host: ip, port, exclusive: true })
    else probe.bind({ address: ip, port, exclusive: true })
    await bound
    const closed = once(probe, 'close')
    probe.close()
    await closed
    return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') throw new ForeignAddressError(ip)
    return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
  }
}

/**
 * @throws PortInUseError for the first port that a program of the host listens on
 * @throws ForeignAddressError for the first address that the host does not have
 */
export async function assertPortsFree(ports: readonly PortMapping[]): Promise<void> {
  for (const { ip, port, protocol } of ports) {
    for (const kind of protocol === 'both' ? (['tcp', 'udp'] as const) : [protocol]) {
      for (const address of new Set([ip, '127.0.0.1']))
        if (await isTaken(address, port, kind)) throw new PortInUseError(address, port, kind)
    }
  }
}
