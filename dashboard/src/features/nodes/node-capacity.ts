export type Resources = { memoryMiB: number; cpuPercent: number; diskMiB: number }
export const resourceKeys = ['memoryMiB', 'cpuPercent', 'diskMiB'] as const
type NodeResources = { isOnline: boolean; capacity: Resources | null; allocated: Resources }

/** What a node has left to promise; null until it told its capacity. */
export function freeOf({ capacity, allocated }: Pick<NodeResources, 'capacity' | 'allocated'>): Resources | null {
  if (capacity === null) return null
  return {
    memoryMiB: Math.max(0, capacity.memoryMiB - allocated.memoryMiB),
    cpuPercent: Math.max(0, capacity.cpuPercent - allocated.cpuPercent),
    diskMiB: Math.max(0, capacity.diskMiB - allocated.diskMiB),
  }
}

/** The resource that a node lacks for a server of this size; null when it fits. */
export function lacking(node: NodeResources, wanted: Resources): keyof Resources | null {
  const free = freeOf(node)
  if (free === null) return 'memoryMiB'
  return (['memoryMiB', 'diskMiB'] as const).find((key) => free[key] < wanted[key]) ?? null
}
