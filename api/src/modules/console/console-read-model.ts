import type { ExitReason } from '@catalyst/prisma/client'
import type { Database } from '../../db/database.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import type { Page, PageRequest } from '../../lib/page.ts'

/** One run of a game in its console. `exit` is null while it goes on, and when its end was not told. */
export type ConsoleRun = {
  id: string
  from: number
  to: number
  startedAt: Date
  endedAt: Date | null
  exit: { code: number | null; reason: ExitReason } | null
}

/** A line that somebody typed. `isPrivate`: only who typed it sees it here. */
export type SentCommand = { id: string; text: string; actor: string; at: Date; isPrivate: boolean }

export type ConsoleReadModel = {
  /** Newest first. */
  runs(serverId: string, request: PageRequest): Promise<Page<ConsoleRun>>
  /** Newest first: what all may see, and what the actor typed for himself. */
  commands(actorId: string, serverId: string, request: PageRequest): Promise<Page<SentCommand>>
}

type RunRow = {
  id: string
  from: string
  to: string
  startedAt: Date
  endedAt: Date | null
  code: number | null
  reason: ExitReason | null
}

const COMMANDS = `from "Command" where "serverId" = $1::uuid and kind = 'CONSOLE_INPUT'
  and ("actorId" = $2::uuid or coalesce((payload->>'isPrivate')::boolean, false) = false)`

export function createConsoleReadModel({ db }: { db: Database }): ConsoleReadModel {
  return {
    async runs(serverId, { first, after }) {
      const [from = null] = after === null ? [] : decodeCursor(after, 'number')
      const [total, { rows }] = await Promise.all([
        db.pool.query<{ count: number }>('select count(*)::int as count from "ConsoleRun" where "serverId" = $1::uuid', [serverId]),
        // The end of a run is what its agent told about it.
        db.pool.query<RunRow>(
          `select run.id, run."fromPosition" as from, run."toPosition" as to, run."startedAt",
             exit.at as "endedAt", (exit.data->>'code')::int as code, exit.data->>'reason' as reason
           from "ConsoleRun" run left join lateral (
             select data, "occurredAt" as at from "ServerEvent"
             where "serverId" = run."serverId" and kind = 'EXITED' and data->>'runId' = run.id order by id limit 1
           ) exit on true
           where run."serverId" = $1::uuid and ($2::bigint is null or run."fromPosition" < $2::bigint)
           order by run."fromPosition" desc limit $3`,
          [serverId, from, first + 1],
        ),
      ])
      const nodes = rows.slice(0, first).map(({ code, reason, ...run }): ConsoleRun => ({
        ...run,
        from: Number(run.from),
        to: Number(run.to),
        exit: reason === null ? null : { code, reason },
      }))
      return {
        edges: nodes.map((node) => ({ cursor: encodeCursor([String(node.from)]), node })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total.rows[0]?.count ?? 0,
      }
    },

    async commands(actorId, serverId, { first, after }) {
      const [position = null] = after === null ? [] : decodeCursor(after, 'number')
      const [total, { rows }] = await Promise.all([
        db.pool.query<{ count: number }>(`select count(*)::int as count ${COMMANDS}`, [serverId, actorId]),
        db.pool.query<SentCommand & { position: string }>(
          `select id, position, payload->>'consoleInput' as text, "actorName" as actor, "createdAt" as at,
             coalesce((payload->>'isPrivate')::boolean, false) as "isPrivate"
           ${COMMANDS} and ($3::bigint is null or position < $3::bigint) order by position desc limit $4`,
          [serverId, actorId, position, first + 1],
        ),
      ])
      return {
        edges: rows.slice(0, first).map((node) => ({ cursor: encodeCursor([node.position]), node })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total.rows[0]?.count ?? 0,
      }
    },
  }
}
