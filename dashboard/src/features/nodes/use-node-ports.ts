import { useQuery } from '@vue/apollo-composable'
import { computed, type Ref } from 'vue'
import { useMore } from '../../composables/use-more.ts'
import { useMutate, type Outcome } from '../../composables/use-mutate.ts'
import { graphql } from '../../gql/index.ts'
import type { NodePortsQuery } from '../../gql/graphql.ts'

const NodePorts = graphql(`
  query NodePorts($nodeId: ID!, $after: String, $filter: AllocationFilter) {
    allocations(nodeId: $nodeId, first: 100, after: $after, filter: $filter) {
      totalCount
      nodes {
        id
        ip
        port
        note
        protocol
        name
        isPrimary
        isFree
        server {
          id
          name
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`)

const AddAllocations = graphql(`
  mutation AddAllocations($input: AddAllocationsInput!) {
    addAllocations(input: $input) {
      __typename
      ... on AddAllocationsSuccess {
        addedCount
        duplicatePorts
      }
      ... on Error {
        code
        message
      }
      ... on ValidationError {
        fields {
          path
          message
          code
        }
      }
    }
  }
`)

const RemoveAllocations = graphql(`
  mutation RemoveAllocations($input: RemoveAllocationsInput!) {
    removeAllocations(input: $input) {
      __typename
      ... on RemoveAllocationsSuccess {
        deletedAllocationIds
      }
      ... on Error {
        code
        message
      }
    }
  }
`)

const UpdateAllocations = graphql(`
  mutation UpdateAllocations($input: UpdateAllocationsInput!) {
    updateAllocations(input: $input) {
      __typename
      ... on UpdateAllocationsSuccess {
        allocations {
          id
          note
        }
      }
      ... on Error {
        code
        message
      }
    }
  }
`)

export type NodePort = NodePortsQuery['allocations']['nodes'][number]
export type PortFilter = { use: 'all' | 'free' | 'used'; search: string }
export type PortRange = { ip: string; firstPort: number; lastPort: number; note: string }

/** The stock of ports of a node, page after page, and what can be done with it. */
export function useNodePorts(nodeId: string, filter: Ref<PortFilter>) {
  const mutate = useMutate()
  const variables = computed(() => ({
    nodeId,
    filter: {
      ...(filter.value.use !== 'all' && { isFree: filter.value.use === 'free' }),
      ...(filter.value.search !== '' && { search: filter.value.search }),
    },
  }))
  const { result, loading, error, refetch, fetchMore } = useQuery(NodePorts, variables, { keepPreviousResult: true, debounce: 120 })
  /** The list is read anew after each change: rows come and go. */
  const afterwards = async <T>(sent: Promise<Outcome<T>>): Promise<Outcome<T>> => {
    const outcome = await sent
    if (outcome.isTaken) await refetch()
    return outcome
  }

  return {
    ports: computed(() => result.value?.allocations.nodes ?? null),
    total: computed(() => result.value?.allocations.totalCount ?? 0),
    hasMore: computed(() => result.value?.allocations.pageInfo.hasNextPage === true),
    loading,
    error,
    retry: () => void refetch(),
    ...useMore(fetchMore, () => result.value?.allocations.pageInfo.endCursor),
    add: (range: PortRange) => afterwards(mutate(AddAllocations, { input: { nodeId, ...range } })),
    remove: (ids: readonly string[]) => afterwards(mutate(RemoveAllocations, { input: { nodeId, ids: [...ids] } })),
    setNote: (ids: readonly string[], note: string) => afterwards(mutate(UpdateAllocations, { input: { nodeId, ids: [...ids], note } })),
  }
}

export type NodePorts = ReturnType<typeof useNodePorts>
