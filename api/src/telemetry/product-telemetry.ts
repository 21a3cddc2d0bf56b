import type { Database } from '../db/database.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { SubscriptionHub } from '../graphql/subscription-hub.ts'
import { SYSTEM } from '../lib/actor.ts'
import type { ServerService } from '../modules/servers/server-service.ts'
import type { Telemetry } from './telemetry.ts'

export type ProductTelemetryDeps = {
  telemetry: Telemetry
  db: Database
  bus: EventBus
  servers: Pick<ServerService, 'counts'>
  viewerCount: () => number
  hub: Pick<SubscriptionHub, 'stats'>
  consoleBytes: () => { spent: number; waiting: number }
  unreadBytes: () => number
  onError: (error: unknown) => void
}

/** Counts the product itself: what is asked of the database is asked only when Prometheus comes. */
export function watchProduct({
  telemetry,
  db,
  bus,
  servers,
  viewerCount,
  hub,
  consoleBytes,
  unreadBytes,
  onError,
}: ProductTelemetryDeps): void {
  const count = async (text: string) => (await db.pool.query<{ count: number }>(text)).rows[0]?.count ?? 0

  telemetry.collectBy('catalyst_servers', 'Servers by the status that people see.', 'status', async () => {
    const counts = await servers.counts(SYSTEM)
    return new Map(counts.map((entry) => [entry.status, entry.count]))
  })
  telemetry.collectBy('catalyst_nodes', 'Nodes by whether their agent is connected.', 'state', async () => {
    const { rows } = await db.pool.query<{ state: string; count: number }>(
      `select case when "isOnline" then 'online' else 'offline' end as state, count(*)::int as count from "Node" group by 1`,
    )
    return new Map([['online', 0] as const, ['offline', 0] as const, ...rows.map((row) => [row.state, row.count] as const)])
  })
  telemetry.collectBy('catalyst_commands_open', 'Commands that wait for their outcome.', 'kind', async () => {
    const { rows } = await db.pool.query<{ kind: string; count: number }>(
      `select kind::text, count(*)::int as count from "Command" where status in ('PENDING', 'SENT') group by 1`,
    )
    return new Map(rows.map((row) => [row.kind, row.count]))
  })
  telemetry.collect('catalyst_metrics_hours_waiting', 'Hours of measurements that wait for their roll-up.', () =>
    count('select (select count(*) from series.server_changed)::int + (select count(*) from series.node_changed)::int as count'),
  )
  telemetry.collect('catalyst_metrics_viewers', 'Live measurements that are looked at.', viewerCount)
  telemetry.collectBy('catalyst_shared_subscriptions', 'Subscriptions that share an execution, and these executions.', 'of', async () => {
    const { groups, members } = hub.stats()
    return new Map([
      ['subscriptions', members],
      ['executions', groups],
    ])
  })
  telemetry.collectBy(
    'catalyst_console_unstored_bytes',
    'Bytes of consoles that were received and are not durable, and those that wait for room; about, with what they take besides.',
    'state',
    async () => new Map(Object.entries(consoleBytes())),
  )
  telemetry.collect('catalyst_viewers_unread_bytes', 'Bytes that wait in the sockets of those who look on.', unreadBytes)
  telemetry.collectBy('catalyst_sql_connections', 'Connections of the database pool.', 'state', async () => {
    const { totalCount, idleCount, waitingCount } = db.pool
    return new Map([
      ['busy', totalCount - idleCount],
      ['idle', idleCount],
      ['waited_for', waitingCount],
    ])
  })

  bus.on('commandFinished', ({ commandId }) => {
    db.pool
      .query<{ kind: string; status: string; seconds: number }>(
        `select kind::text, status::text, extract(epoch from "finishedAt" - "createdAt")::float8 as seconds from "Command" where id = $1`,
        [commandId],
      )
      .then(({ rows }) => {
        for (const { kind, status, seconds } of rows) telemetry.observeCommand(kind, status, seconds)
      })
      .catch(onError)
  })
}
