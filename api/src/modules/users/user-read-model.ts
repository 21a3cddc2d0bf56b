import type { Database } from '../../db/database.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import { isId } from '../../lib/ids.ts'
import { escapeLike } from '../../lib/like.ts'

/** What others may know of a user. */
export type UserView = { id: string; username: string; displayName: string }

export type UserPage = { edges: { cursor: string; node: UserView }[]; hasNextPage: boolean; hasPreviousPage: boolean; totalCount: number }

export type UserReadModel = {
  page(request: { first: number; after: string | null; search: string | null }): Promise<UserPage>
  byIds(ids: readonly string[]): Promise<(UserView | null)[]>
}

const COLUMNS = 'id, username, "displayName"'

export function createUserReadModel({ db }: { db: Database }): UserReadModel {
  return {
    async page({ first, after, search }) {
      const pattern = `%${escapeLike(search ?? '')}%`
      const matches = '(username ilike $1 or "displayName" ilike $1)'
      const [name = ''] = after === null ? [] : decodeCursor(after, 'text')
      const [total, { rows }] = await Promise.all([
        db.pool.query<{ count: number }>(`select count(*)::int as count from "User" where ${matches}`, [pattern]),
        db.pool.query<UserView>(`select ${COLUMNS} from "User" where ${matches} and username > $2 order by username limit $3`, [
          pattern,
          name,
          first + 1,
        ]),
      ])
      return {
        edges: rows.slice(0, first).map((node) => ({ cursor: encodeCursor([node.username]), node })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total.rows[0]?.count ?? 0,
      }
    },
    async byIds(ids) {
      const { rows } = await db.pool.query<UserView>(`select ${COLUMNS} from "User" where id = any($1::uuid[])`, [ids.filter(isId)])
      const byId = new Map(rows.map((row) => [row.id, row]))
      return ids.map((id) => byId.get(id.toLowerCase()) ?? null)
    },
  }
}
