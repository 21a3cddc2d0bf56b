import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { UserActor } from '../../lib/actor.ts'
import { demand } from '../servers/server-policy.ts'

/** One measurement. `cpuPercent` 100 is one core. */
export type ServerMetrics = {
  at: Date
  cpuPercent: number
  memoryBytes: number
  memoryLimitBytes: number
  diskBytes: number
  networkRxBytesPerSecond: number
  networkTxBytesPerSecond: number
  processCount: number
}

export type MetricsService = {
  ingest(samples: readonly (ServerMetrics & { serverId: string })[]): void
  /** The newest measurement; null when there is none of the last minutes. */
  latest(serverId: string): ServerMetrics | null
  /** Measurements as they come; while it is read the node measures every second. */
  watch(actor: UserActor, serverId: string, signal: AbortSignal): Promise<AsyncGenerator<ServerMetrics, void, undefined>>
  /** Which of these servers somebody looks at. */
  watched(serverIds: readonly string[]): string[]
}

const FRESH_MS = 120_000

export function createMetricsService({ db, bus }: { db: Database; bus: EventBus }): MetricsService {
  const newest = new Map<string, ServerMetrics>()
  const viewers = new Map<string, Set<(sample: ServerMetrics) => void>>()

  async function* follow(serverId: string, signal: AbortSignal): AsyncGenerator<ServerMetrics, void, undefined> {
    // Only the newest counts: a slow viewer skips, it does not queue.
    let next: ServerMetrics | null = newest.get(serverId) ?? null
    let wake: (() => void) | null = null
    const take = (sample: ServerMetrics) => {
      next = sample
      wake?.()
    }
    const set = viewers.get(serverId) ?? new Set()
    viewers.set(serverId, set.add(take))
    if (set.size === 1) bus.publish('watched', { serverId })
    const abort = () => wake?.()
    signal.addEventListener('abort', abort)
    try {
      while (!signal.aborted) {
        if (next !== null) {
          const sample = next
          next = null
          yield sample
          continue
        }
        await new Promise<void>((resolve) => {
          wake = resolve
          if (signal.aborted) resolve()
        })
        wake = null
      }
    } finally {
      signal.removeEventListener('abort', abort)
      set.delete(take)
      if (set.size === 0) {
        viewers.delete(serverId)
        bus.publish('watched', { serverId })
      }
    }
  }

  return {
    ingest(samples) {
      for (const { serverId, ...sample } of samples) {
        // What was kept while the api was away comes late.
        if ((newest.get(serverId)?.at ?? sample.at) > sample.at) continue
        newest.set(serverId, sample)
        for (const take of viewers.get(serverId) ?? []) take(sample)
      }
    },
    latest(serverId) {
      const sample = newest.get(serverId)
      if (sample === undefined) return null
      if (Date.now() - sample.at.getTime() <= FRESH_MS) return sample
      newest.delete(serverId)
      return null
    },
    async watch(actor, serverId, signal) {
      const server = await db.prisma.server
        .findFirst({ where: { id: serverId, deletedAt: null }, select: { ownerId: true } })
        .catch(() => null)
      demand(actor, server, 'server:read')
      return follow(serverId, signal)
    },
    watched: (serverIds) => serverIds.filter((id) => viewers.has(id)),
  }
}
