import type { ObjectRef } from '@pothos/core'
import { z } from 'zod'
import type { Page, PageRequest } from '../lib/page.ts'
import { validate } from '../lib/validate.ts'
import { builder, type SchemaTypes } from './builder.ts'

const DEFAULT_FIRST = 50
const LARGEST_FIRST = 100

const PageInfo = builder.objectRef<Page<unknown>>('PageInfo').implement({
  fields: (t) => ({
    startCursor: t.string({ nullable: true, resolve: (page) => page.edges[0]?.cursor ?? null }),
    endCursor: t.string({ nullable: true, resolve: (page) => page.edges.at(-1)?.cursor ?? null }),
    hasNextPage: t.exposeBoolean('hasNextPage'),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage'),
  }),
})

/** Makes `<Name>Connection` and `<Name>Edge`. A field of it takes `...connectionArgs(t.arg)` and `complexity: connectionComplexity`. */
export function connectionType<Row>(name: string, type: ObjectRef<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, Row>) {
  const Edge = builder.objectRef<{ cursor: string; node: Row }>(`${name}Edge`).implement({
    fields: (t) => ({
      cursor: t.exposeString('cursor'),
      node: t.field({ type, resolve: (edge) => edge.node as never }),
    }),
  })
  return builder.objectRef<Page<Row>>(`${name}Connection`).implement({
    fields: (t) => ({
      edges: t.field({ type: [Edge], complexity: { field: 1, multiplier: 1 }, resolve: (page) => page.edges }),
      nodes: t.field({
        type: [type],
        complexity: { field: 1, multiplier: 1 },
        resolve: (page) => page.edges.map((edge) => edge.node) as never,
      }),
      pageInfo: t.field({ type: PageInfo, resolve: (page) => page }),
      totalCount: t.exposeInt('totalCount'),
    }),
  })
}

const pageInput = z.object({
  first: z
    .number()
    .int()
    .min(1)
    .max(LARGEST_FIRST)
    .nullish()
    .transform((first) => first ?? DEFAULT_FIRST),
  after: z
    .string()
    .max(500)
    .nullish()
    .transform((after) => after ?? null),
})

/** Checks `first` (1 to 100, by default 50) and `after`. @throws ValidationError */
export function pageRequest(args: { first?: number | null | undefined; after?: string | null | undefined }): PageRequest {
  return validate(pageInput, { first: args.first, after: args.after })
}

/** A page costs its rows. */
export function connectionComplexity(args: { first?: number | null | undefined }) {
  return { field: 1, multiplier: Math.min(Math.max(args.first ?? DEFAULT_FIRST, 1), LARGEST_FIRST) }
}
