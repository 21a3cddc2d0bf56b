/** One page of a list, as read models return it. `cursor` is opaque to clients. */
export type Page<Row> = {
  edges: { cursor: string; node: Row }[]
  hasNextPage: boolean
  hasPreviousPage: boolean
  totalCount: number
}

/** What a read model is asked for: `first` rows after the cursor. */
export type PageRequest = { first: number; after: string | null }
