import { z } from 'zod'
import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { UserActor } from '../../lib/actor.ts'
import { NotFoundError } from '../../lib/errors.ts'
import { isId } from '../../lib/ids.ts'
import { validate } from '../../lib/validate.ts'
import { canSee, demand } from '../servers/server-policy.ts'
import { createLiveSamples } from './live-samples.ts'
import { chooseSeries } from './series-choice.ts'
import type { MetricSeries, SeriesReadModel } from './series-read-model.ts'
import type { Retention } from './series.ts'

/** One measurement. `cpuPercent` 100 is one core. */
export type ServerMetrics = {
  at: Date
  cpuPercent: number
  memoryBytes: number
  memoryLimitBytes: number
  diskBytes: number
  diskReadBytesPerSecond: number
  diskWriteBytesPerSecond: number
  networkRxBytesPerSecond: number
  networkTxBytesPerSecond: number
  processCount: number
}

/** One measurement of a whole machine. */
export type NodeMetrics = Omit<ServerMetrics, 'processCount'> & { loadAverage: number; diskLimitBytes: number; containerCount: number }

export type SeriesRequest = { from: Date; to: Date; points?: number | null | undefined }

export type MetricsService = {
  ingest(samples: readonly (ServerMetrics & { serverId: string })[]): void
  ingestNode(nodeId: string, samples: readonly NodeMetrics[]): void
  /** The newest measurement; null when there is none of the last minutes. */
  latest(serverId: string): ServerMetrics | null
  /** Measurements as they come; while it is read the node measures every second. */
  watch(actor: UserActor, serverId: string, signal: AbortSignal): Promise<AsyncGenerator<ServerMetrics, void, undefined>>
  /** The same of a node. @throws NotFoundError */
  watchNode(actor: UserActor, nodeId: string, signal: AbortSignal): Promise<AsyncGenerator<NodeMetrics, void, undefined>>
  /** Which of these servers somebody looks at. */
  watched(serverIds: readonly string[]): string[]
  isNodeWatched(nodeId: string): boolean
  /** How many read live measurements. */
  viewerCount(): number
  /** The history of a server in at most `points` buckets; null when it is not visible. @throws ValidationError */
  series(actor: UserActor, serverId: string, request: SeriesRequest): Promise<MetricSeries | null>
  /** The same of a node. @throws ValidationError */
  nodeSeries(actor: UserActor, nodeId: string, request: SeriesRequest): Promise<MetricSeries | null>
}

export type MetricsServiceDeps = { db: Database; bus: EventBus; readModel: SeriesReadModel; retention: Retention; now: () => Date }

const DEFAULT_POINTS = 300
const MOST_POINTS = 500
const SHORTEST_MS = 60_000
const LONGEST_MS = 10 * 366 * 86_400_000

const seriesRequest = z
  .object({
    from: z.date(),
    to: z.date(),
    points: z
      .int()
      .min(10)
      .max(MOST_POINTS)
      .nullish()
      .transform((points) => points ?? DEFAULT_POINTS),
  })
  .refine(({ from, to }) => to.getTime() - from.getTime() >= SHORTEST_MS, { path: ['to'], message: 'is at least a minute after `from`' })
  .refine(({ from, to }) => to.getTime() - from.getTime() <= LONGEST_MS, { path: ['from'], message: 'is at most ten years before `to`' })

export function createMetricsService({ db, bus, readModel, retention, now }: MetricsServiceDeps): MetricsService {
  const servers = createLiveSamples<ServerMetrics>(now, (serverId) => {
    bus.publish('watched', { serverId })
  })
  const nodes = createLiveSamples<NodeMetrics>(now, (nodeId) => {
    bus.publish('nodeWatched', { nodeId })
  })
  const ownerOf = (serverId: string) =>
    isId(serverId) ? db.prisma.server.findFirst({ where: { id: serverId, deletedAt: null }, select: { ownerId: true } }) : null
  const isNode = async (nodeId: string) => isId(nodeId) && (await db.prisma.node.count({ where: { id: nodeId } })) > 0
  const choose = (request: SeriesRequest) => {
    const { from, to, points } = validate(seriesRequest, request)
    return chooseSeries(from, to, points, now(), retention)
  }

  bus.on('server', ({ serverId, kind }) => {
    if (kind === 'DELETED') servers.forget(serverId)
  })
  bus.on('nodeRevoked', ({ nodeId, isGone }) => {
    if (isGone) nodes.forget(nodeId)
  })

  return {
    ingest(samples) {
      for (const { serverId, ...sample } of samples) servers.ingest(serverId, sample)
    },
    ingestNode(nodeId, samples) {
      for (const sample of samples) nodes.ingest(nodeId, sample)
    },
    latest: servers.latest,
    async watch(actor, serverId, signal) {
      demand(actor, await ownerOf(serverId), 'server:read')
      return servers.follow(serverId, signal)
    },
    async watchNode(_actor, nodeId, signal) {
      if (!(await isNode(nodeId))) throw new NotFoundError('The node')
      return nodes.follow(nodeId, signal)
    },
    watched: (serverIds) => serverIds.filter(servers.isWatched),
    isNodeWatched: nodes.isWatched,
    viewerCount: () => servers.viewerCount() + nodes.viewerCount(),
    async series(actor, serverId, request) {
      const choice = choose(request)
      const server = await ownerOf(serverId)
      return server === null || !canSee(actor, server) ? null : readModel.read('server', serverId, choice)
    },
    async nodeSeries(_actor, nodeId, request) {
      const choice = choose(request)
      return (await isNode(nodeId)) ? readModel.read('node', nodeId, choice) : null
    },
  }
}
