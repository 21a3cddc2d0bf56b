import { createHash } from 'node:crypto'

const hash = (text: string, length: number) => createHash('sha256').update(text).digest('hex').slice(0, length)

/** Names of what the agent makes on its host, all from the containerd namespace, so that two products do not meet. */
export type NetworkNames = {
  /** Begins the names of the host's ends of all cables, and of no other product's. */
  cablePrefix: string
  /** Our chains of the packet filter; at most 28 characters each. */
  chains: { forward: string; input: string; destination: string; source: string }
  /** Prefix of network namespaces; the server's id follows. */
  namespacePrefix: string
  /** The host's end of the cable of the server with this index; at most 15 characters, the kernel's limit for interfaces. */
  cable(index: number): string
}

export function namesFor(namespace: string): NetworkNames {
  const cablePrefix = `cat${hash(namespace, 6)}-`
  const tag = namespace.length <= 20 ? namespace : `${namespace.slice(0, 14)}-${hash(namespace, 5)}`
  return {
    cablePrefix,
    chains: { forward: `${tag}-fwd`, input: `${tag}-in`, destination: `${tag}-dnat`, source: `${tag}-snat` },
    namespacePrefix: `${namespace}--`,
    cable: (index) => `${cablePrefix}${String(index)}`,
  }
}
