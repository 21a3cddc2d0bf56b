import type { Database } from '../../db/database.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import { HISTORY_KINDS, type HistoryKind, type ServerEventData } from './server-events.ts'

/** Something that happened to a server, as its history shows it. */
export type HistoryEntry = { id: string; kind: HistoryKind; at: Date; actor: string | null; data: ServerEventData }

/** Which entries are wanted: from `from` up to `to`, of these kinds; all that is left out is not asked for. */
export type HistoryFilter = {
  from?: Date | null | undefined
  to?: Date | null | undefined
  kinds?: readonly HistoryKind[] | null | undefined
}

export type ServerHistoryReadModel = {
  /** Newest first by the time it happened: what an agent tells late stands where it belongs. */
  page(serverId: string, request: PageRequest, filter: HistoryFilter): Promise<Page<HistoryEntry>>
}

const WHERE = `from "ServerEvent" where "serverId" = $1::uuid and kind = any($2::text[])
  and ($3::timestamptz is null or "occurredAt" >= $3) and ($4::timestamptz is null or "occurredAt" < $4)`

export function createServerHistoryReadModel({ db }: { db: Database }): ServerHistoryReadModel {
  return {
    async page(serverId, { first, after }, { from, to, kinds }) {
      const [at = null, id = null] = after === null ? [] : decodeCursor(after, 'time', 'number')
      const wanted = [serverId, kinds ?? HISTORY_KINDS, from ?? null, to ?? null]
      const [total, { rows }] = await Promise.all([
        db.pool.query<{ count: number }>(`select count(*)::int as count ${WHERE}`, wanted),
        db.pool.query<HistoryEntry>(
          `select id::text, kind, "occurredAt" as at, "actorName" as actor, data ${WHERE}
           and ($5::timestamptz is null or ("occurredAt", id) < ($5::timestamptz, $6::bigint)) order by "occurredAt" desc, id desc limit $7`,
          [...wanted, at, id, first + 1],
        ),
      ])
      return {
        edges: rows.slice(0, first).map((node) => ({ cursor: encodeCursor([node.at.toISOString(), node.id]), node })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total.rows[0]?.count ?? 0,
      }
    },
  }
}
