import { useQuery } from '@vue/apollo-composable'
import { computed } from 'vue'
import { graphql } from '../../gql/index.ts'

const PAGE = 100

const ConsoleRuns = graphql(`
  query ConsoleRuns($serverId: ID!, $first: Int!, $after: String) {
    consoleRuns(serverId: $serverId, first: $first, after: $after) {
      nodes {
        id
        from
        to
        startedAt
        endedAt
        exit {
          code
          reason
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

/** Runs of a game of which something is kept, newest first. */
export function useConsoleRuns(serverId: string) {
  // The list is small, and another one each time it is looked at.
  const { result, loading, error, refetch, fetchMore } = useQuery(ConsoleRuns, { serverId, first: PAGE }, { fetchPolicy: 'no-cache' })
  const runs = computed(() => result.value?.consoleRuns?.nodes ?? [])
  return {
    runs,
    loading,
    error,
    refetch,
    hasContent: computed(() => result.value !== undefined),
    hasMore: computed(() => result.value?.consoleRuns?.pageInfo.hasNextPage ?? false),
    /** The run that printed a position; null when it is not among those that are loaded. */
    runOf: (position: number) => runs.value.find(({ from }) => from <= position) ?? null,
    more: () =>
      fetchMore({
        variables: { after: result.value?.consoleRuns?.pageInfo.endCursor ?? null },
        updateQuery: ({ consoleRuns: before }, { fetchMoreResult: { consoleRuns: next } }) => ({
          consoleRuns: before === null || next === null ? before : { ...next, nodes: [...before.nodes, ...next.nodes] },
        }),
      }),
  }
}
