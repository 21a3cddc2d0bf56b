import { readFileSync } from 'node:fs'

const HOSTS_OWN = '/etc/resolv.conf'
/** Where systemd-resolved keeps the name servers that its stub on loopback asks. */
const BEHIND_STUB = '/run/systemd/resolve/resolv.conf'

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/** Addresses of the name servers in the text of a resolv.conf. */
export function parseNameservers(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '')
}

/** True when nothing in it can be reached from a network namespace of its own: all listen on loopback. */
export function isLoopbackOnly(text: string): boolean {
  const nameservers = parseNameservers(text)
  return nameservers.length > 0 && nameservers.every((address) => address.startsWith('127.') || address === '::1')
}

/** The resolv.conf of this machine that servers can use. A name server that listens on loopback of the machine is out of their reach. */
export function resolvConfPath(): string {
  return isLoopbackOnly(read(HOSTS_OWN) ?? '') && read(BEHIND_STUB) !== null ? BEHIND_STUB : HOSTS_OWN
}

/** Link-local name servers of this machine, as some clouds have them. */
export function linkLocalNameservers(): string[] {
  return parseNameservers(read(resolvConfPath()) ?? '').filter((address) => /^169\.254\.\d+\.\d+$/.test(address))
}
