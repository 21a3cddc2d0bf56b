import type { Database } from '../../db/database.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import { isId } from '../../lib/ids.ts'
import type { TemplateSpec } from './template-spec.ts'

/** A template as it is stored and shown. */
export type TemplateView = {
  id: string
  slug: string
  name: string
  version: string
  summary: string
  spec: TemplateSpec
  source: string
  isBundled: boolean
  updatedAt: Date
}

export type TemplatePage = {
  edges: { cursor: string; node: TemplateView }[]
  hasNextPage: boolean
  hasPreviousPage: boolean
  totalCount: number
}

export type TemplateReadModel = {
  page(request: { first: number; after: string | null }): Promise<TemplatePage>
  /** In the order of the ids; null for an unknown one. */
  byIds(ids: readonly string[]): Promise<(TemplateView | null)[]>
}

const COLUMNS = 'id, slug, name, version, summary, spec, source, "isBundled", "updatedAt"'

export function createTemplateReadModel({ db }: { db: Database }): TemplateReadModel {
  return {
    async page({ first, after }) {
      const [name = '', slug = ''] = after === null ? [] : decodeCursor(after, 'text', 'text')
      const [total, { rows }] = await Promise.all([
        db.pool.query<{ count: number }>('select count(*)::int as count from "Template"'),
        db.pool.query<TemplateView>(`select ${COLUMNS} from "Template" where (name, slug) > ($1, $2) order by name, slug limit $3`, [
          name,
          slug,
          first + 1,
        ]),
      ])
      return {
        edges: rows.slice(0, first).map((node) => ({ cursor: encodeCursor([node.name, node.slug]), node })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount: total.rows[0]?.count ?? 0,
      }
    },
    async byIds(ids) {
      const { rows } = await db.pool.query<TemplateView>(`select ${COLUMNS} from "Template" where id = any($1::uuid[])`, [ids.filter(isId)])
      const byId = new Map(rows.map((row) => [row.id, row]))
      return ids.map((id) => byId.get(id.toLowerCase()) ?? null)
    },
  }
}
