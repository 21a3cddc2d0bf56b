import type { Resources } from '../nodes/node-service.ts'

/** A node as placement sees it, all numbers of one moment. */
export type Candidate = {
  id: string
  name: string
  isOnline: boolean
  isMaintenance: boolean
  location: string
  tags: readonly string[]
  /** With overcommit; zeros before the first hello. */
  capacity: Resources
  /** Promised to servers, those included that are being deleted. */
  allocated: Resources
  freePorts: number
  /** Chosen ports that are free on it. */
  freeChosenPorts: number
}

export type PlacementWish = Resources & {
  /** How many ports, the chosen ones included. */
  ports: number
  /** How many of them are chosen by number. */
  chosenPorts: number
  /** null: any. */
  location: string | null
  /** All of them. */
  tags: readonly string[]
}

const UNITS = { memoryMiB: 'MiB memory', cpuPercent: '% CPU', diskMiB: 'MiB disk' } as const
const RESOURCES = Object.keys(UNITS) as (keyof Resources)[]

/** What a node lacks for a server, in words for people; empty when it has room. */
export function shortagesOf(node: Candidate, wish: Resources & { ports: number }): string[] {
  const short = RESOURCES.flatMap((resource) => {
    const free = Math.max(Math.floor(node.capacity[resource] - node.allocated[resource]), 0)
    return free >= wish[resource] ? [] : [`${String(free)} of ${String(wish[resource])} ${UNITS[resource]} free`]
  })
  return node.freePorts >= wish.ports ? short : [...short, `${String(node.freePorts)} of ${String(wish.ports)} ports free`]
}

/** Why the node is not asked for room at all; null when it is. */
function exclusionOf(node: Candidate, wish: PlacementWish): string | null {
  if (wish.location !== null && node.location !== wish.location) return `is not in ${wish.location}`
  const missing = wish.tags.filter((tag) => !node.tags.includes(tag))
  if (missing.length > 0) return `has not the tag ${missing.join(', ')}`
  if (node.isMaintenance) return 'is in maintenance'
  return node.isOnline ? null : 'is offline'
}

/** The scarcest resource when the server is on it, as the part that stays free. */
function headroom(node: Candidate, wish: PlacementWish): number {
  return Math.min(
    ...RESOURCES.map((resource) => (node.capacity[resource] - node.allocated[resource] - wish[resource]) / node.capacity[resource]),
  )
}

/**
 * Nodes that a server may go to, best first: those with all chosen ports, of them those whose scarcest resource stays freest.
 * And of the others, why not. Pure: the numbers are only as true as the locks under which they were read.
 */
export function rankNodes(
  candidates: readonly Candidate[],
  wish: PlacementWish,
): { ranked: Candidate[]; refused: { node: Candidate; reason: string }[] } {
  const ranked: Candidate[] = []
  const refused: { node: Candidate; reason: string }[] = []
  for (const node of candidates) {
    const excluded = exclusionOf(node, wish)
    const short = excluded === null ? shortagesOf(node, wish) : []
    if (excluded !== null) refused.push({ node, reason: excluded })
    else if (short.length > 0) refused.push({ node, reason: `has ${short.join(', ')}` })
    else ranked.push(node)
  }
  ranked.sort(
    (a, b) =>
      Number(b.freeChosenPorts >= wish.chosenPorts) - Number(a.freeChosenPorts >= wish.chosenPorts) ||
      headroom(b, wish) - headroom(a, wish) ||
      a.name.localeCompare(b.name),
  )
  return { ranked, refused }
}
