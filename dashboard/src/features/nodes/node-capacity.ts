import type { StateShape } from '../../components/state-look.ts'
import type { NodeStatus } from '../../gql/graphql.ts'

export type Resources = { memoryMiB: number; cpuPercent: number; diskMiB: number }
export type Overcommit = { memoryPercent: number; cpuPercent: number; diskPercent: number }
export type Usage = { memoryBytes: number; cpuPercent: number; diskBytes: number }

export const resourceKeys = ['cpuPercent', 'memoryMiB', 'diskMiB'] as const
export type ResourceKey = (typeof resourceKeys)[number]

export const nodeShapes: Readonly<Record<NodeStatus, StateShape>> = {
  ONLINE: 'online',
  OFFLINE: 'offline',
  MAINTENANCE: 'maintenance',
  WAITING: 'waiting',
}

const overcommitKeys = { memoryMiB: 'memoryPercent', cpuPercent: 'cpuPercent', diskMiB: 'diskPercent' } as const
const MIB = 2 ** 20

export type NodeResources = { capacity: Resources | null; allocated: Resources; overcommit: Overcommit }

/** How far a resource may be promised, in per cent of what is there. */
export const overcommitOf = (overcommit: Overcommit, key: ResourceKey): number => overcommit[overcommitKeys[key]]

/** How much of a resource may be promised in all. */
export const promisable = (capacity: Resources, overcommit: Overcommit, key: ResourceKey): number =>
  Math.floor((capacity[key] * overcommitOf(overcommit, key)) / 100)

/** What a node has left to promise; null until it told its capacity. */
export function freeOf({ capacity, allocated, overcommit }: NodeResources): Resources | null {
  if (capacity === null) return null
  const free = (key: ResourceKey) => Math.max(0, promisable(capacity, overcommit, key) - allocated[key])
  return { memoryMiB: free('memoryMiB'), cpuPercent: free('cpuPercent'), diskMiB: free('diskMiB') }
}

/** The resource that a node lacks for a server of this size; null when it fits. */
export function lacking(node: NodeResources, wanted: Resources): ResourceKey | null {
  const free = freeOf(node)
  return free === null ? 'memoryMiB' : (resourceKeys.find((key) => free[key] < wanted[key]) ?? null)
}

/** The scarcest resource of a node with the server on it, as the part that stays free: the api places by it. */
export function headroom(node: NodeResources, wanted: Resources): number {
  const { capacity, overcommit } = node
  const free = freeOf(node)
  if (capacity === null || free === null) return Number.NEGATIVE_INFINITY
  return Math.min(...resourceKeys.map((key) => (free[key] - wanted[key]) / promisable(capacity, overcommit, key)))
}

/** What its servers really use, in the units of the capacity; null without measurements. */
export function usedOf(used: Usage | null): Resources | null {
  return used === null ? null : { memoryMiB: used.memoryBytes / MIB, cpuPercent: used.cpuPercent, diskMiB: used.diskBytes / MIB }
}
