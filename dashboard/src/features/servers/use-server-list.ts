import { useApolloClient, useQuery } from '@vue/apollo-composable'
import { computed, onScopeDispose, watch, type Ref } from 'vue'
import { graphql, readFragment } from '../../gql/index.ts'
import type { ServerFilter } from '../../gql/graphql.ts'
import { ServerRow } from './server-row-fragment.ts'
import { segments, type Segment } from './server-state.ts'

const ServerList = graphql(`
  query ServerList($after: String, $filter: ServerFilter) {
    servers(first: 100, after: $after, filter: $filter) {
      totalCount
      nodes {
        id
        ...ServerRow_Server
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`)

const ServerCounts = graphql(`
  query ServerCounts {
    serverCounts {
      status
      count
    }
  }
`)

// Its own order keeps its pages apart from those of the list in the cache.
const ServerListMetrics = graphql(`
  query ServerListMetrics($after: String) {
    servers(first: 100, after: $after, orderBy: { field: CREATED_AT, direction: ASC }) {
      nodes {
        id
        metrics {
          at
          cpuPercent
          memoryBytes
          memoryLimitBytes
          diskBytes
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`)

const METRICS_EVERY_MS = 5000
/** More servers than this are found by search. */
const MOST = 2000

export type ListFilter = { segment: Segment | 'all'; search: string; nodeId: string | null }

/** Every visible server that passes the filter, page after page, with fresh numbers. */
export function useServerList(filter: Ref<ListFilter>) {
  const { client } = useApolloClient()
  const variables = computed((): { filter: ServerFilter } => ({
    filter: {
      ...(filter.value.search !== '' && { search: filter.value.search }),
      ...(filter.value.segment !== 'all' && { statuses: [...segments[filter.value.segment]] }),
      ...(filter.value.nodeId !== null && { nodeId: filter.value.nodeId }),
    },
  }))
  const list = useQuery(ServerList, variables, { keepPreviousResult: true, debounce: 120 })
  const counts = useQuery(ServerCounts)

  watch(
    () => list.result.value?.servers,
    (servers) => {
      if (servers?.pageInfo.hasNextPage !== true || servers.nodes.length >= MOST) return
      void list.fetchMore({ variables: { after: servers.pageInfo.endCursor } })?.catch(() => undefined)
    },
  )

  let isReading = false
  const readMetrics = async () => {
    if (isReading || document.hidden) return
    isReading = true
    try {
      let after: string | null = null
      do {
        const { data }: { data: { servers: { pageInfo: { endCursor: string | null; hasNextPage: boolean } } } } = await client.query({
          query: ServerListMetrics,
          variables: { after },
        })
        after = data.servers.pageInfo.hasNextPage ? data.servers.pageInfo.endCursor : null
      } while (after !== null)
    } catch {
      // The list's own query says what is wrong; the numbers stay and carry their time.
    } finally {
      isReading = false
    }
  }
  const timer = setInterval(() => void readMetrics(), METRICS_EVERY_MS)
  onScopeDispose(() => {
    clearInterval(timer)
  })

  return {
    servers: computed(() => list.result.value?.servers.nodes.map((node) => readFragment(ServerRow, node)) ?? null),
    total: computed(() => counts.result.value?.serverCounts.reduce((sum, { count }) => sum + count, 0) ?? null),
    countOf: (segment: Segment) =>
      counts.result.value?.serverCounts.reduce(
        (sum, { status, count }) => sum + ((segments[segment] as readonly string[]).includes(status) ? count : 0),
        0,
      ) ?? null,
    isLoading: list.loading,
    error: list.error,
    retry: () => void list.refetch(),
  }
}
