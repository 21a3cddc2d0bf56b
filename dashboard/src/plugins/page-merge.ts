import type { FieldMergeFunction, Reference } from '@apollo/client/core'

type Page = { nodes: readonly Reference[]; pageInfo?: unknown }

/** Pages of a connection follow each other in one list; the first page begins it anew. */
export const appendPage: FieldMergeFunction<Page> = (existing, incoming, { args }) =>
  existing === undefined || args?.['after'] == null ? incoming : { ...incoming, nodes: [...existing.nodes, ...incoming.nodes] }

/** A history grows at its newer end: its first page, read again, keeps the older ones that were read below it. */
export const growHistory: FieldMergeFunction<Page> = (existing, incoming, options) => {
  if (existing === undefined || options.args?.['after'] != null) return appendPage(existing, incoming, options)
  const fresh = new Set(incoming.nodes.map(({ __ref }) => __ref))
  // More than a page came meanwhile: what lies between is not known.
  if (!existing.nodes.some(({ __ref }) => fresh.has(__ref))) return incoming
  const older = existing.nodes.filter(({ __ref }) => !fresh.has(__ref))
  return older.length === 0 ? incoming : { ...incoming, nodes: [...incoming.nodes, ...older], pageInfo: existing.pageInfo }
}
