import { useQuery } from '@vue/apollo-composable'
import { computed } from 'vue'
import { graphql } from '../../gql/index.ts'

const ServerMarks = graphql(`
  query ServerMarks($serverId: ID!, $from: DateTime!, $to: DateTime) {
    serverHistory(serverId: $serverId, first: 100, filter: { from: $from, to: $to, kinds: [STARTED, EXITED] }) {
      nodes {
        id
        kind
        at
        reason
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`)

/** Starts and ends of a server in a range, oldest first; of many the newest hundred. `to` is null for a range that ends now. */
export function useServerMarks(serverId: string, range: () => { from: number; to: number | null }) {
  const { result } = useQuery(
    ServerMarks,
    () => {
      const { from, to } = range()
      return { serverId, from: new Date(from).toISOString(), to: to === null ? null : new Date(to).toISOString() }
    },
    // Another time is asked for on every visit.
    { fetchPolicy: 'no-cache', keepPreviousResult: true },
  )
  return {
    events: computed(() => (result.value?.serverHistory?.nodes ?? []).map((node) => ({ ...node, at: Date.parse(node.at) })).toReversed()),
    /** There are older ones in the range. */
    hasMore: computed(() => result.value?.serverHistory?.pageInfo.hasNextPage === true),
  }
}
