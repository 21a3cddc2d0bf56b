import { createHash } from 'node:crypto'

const hash = (text: string, length: number) => createHash('sha256').update(text).digest('hex').slice(0, length)

/** Names of what the agent makes on its host, all from the containerd namespace, so that two products do not meet. */
export type NetworkNames = {
  /** At most 15 characters, the kernel's limit for interfaces. */
  bridge: string
  /** Our chains of the packet filter; at most 28 characters each. */
  chains: { forward: string; input: string; destination: string; source: string }
  /** Prefix of network namespaces; the server's id follows. */
  namespacePrefix: string
  /** The host's end of a server's cable. */
  cable(id: string): string
}

export function namesFor(namespace: string): NetworkNames {
  const bridge = namespace.length <= 14 ? `${namespace}0` : `${namespace.slice(0, 9)}${hash(namespace, 5)}0`
  const tag = namespace.length <= 20 ? namespace : `${namespace.slice(0, 14)}-${hash(namespace, 5)}`
  return {
    bridge,
    chains: { forward: `${tag}-fwd`, input: `${tag}-in`, destination: `${tag}-dnat`, source: `${tag}-snat` },
    namespacePrefix: `${namespace}--`,
    cable: (id) => `ve${hash(`${namespace}/${id}`, 12)}`,
  }
}
