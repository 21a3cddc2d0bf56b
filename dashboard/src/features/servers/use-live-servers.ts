import { useApolloClient } from '@vue/apollo-composable'
import { onScopeDispose } from 'vue'
import { useConnection } from '../../composables/use-connection.ts'
import { graphql } from '../../gql/index.ts'

const LiveServers = graphql(`
  subscription LiveServers {
    serverEvents {
      __typename
      sequence
      server {
        ...ServerLive_Server
      }
    }
  }
`)

const LiveNodes = graphql(`
  subscription LiveNodes {
    nodeEvents {
      occurredAt
      node {
        id
        name
        address
        isOnline
        lastSeenAt
        agentVersion
        capacity {
          memoryMiB
          cpuPercent
          diskMiB
        }
        allocated {
          memoryMiB
          cpuPercent
          diskMiB
        }
      }
    }
  }
`)

/** Lists are read anew at most this often, however many events come. */
const REFRESH_MS = 1000

/** Keeps the cache true while someone is signed in: events change what is there, lists are read again when rows come and go. */
export function useLiveServers(): void {
  const { client } = useApolloClient()
  const connection = useConnection()
  const stale = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | null = null

  const refresh = (...queries: string[]) => {
    for (const query of queries) stale.add(query)
    timer ??= setTimeout(() => {
      timer = null
      for (const observed of client.getObservableQueries().values()) {
        if (observed.queryName !== undefined && stale.has(observed.queryName)) void observed.refetch().catch(() => undefined)
      }
      stale.clear()
    }, REFRESH_MS)
  }

  const servers = client.subscribe({ query: LiveServers }).subscribe({
    next: ({ data }) => {
      const event = data?.serverEvents
      if (event === undefined) return
      refresh('ServerCounts')
      if (event.__typename === 'ServerCreatedEvent') refresh('ServerList', 'NodeList', 'NodePage')
      if (event.__typename === 'ServerDeletedEvent') {
        refresh('ServerList', 'NodeList', 'NodePage')
        client.cache.evict({ id: client.cache.identify(event.server) ?? '' })
        client.cache.gc()
      }
    },
    // Refused: the pages' own queries say why.
    error: () => undefined,
  })
  const nodes = client.subscribe({ query: LiveNodes }).subscribe({ error: () => undefined })
  const offReturn = connection.onReturn(() => {
    void client.refetchQueries({ include: 'active' })
  })

  onScopeDispose(() => {
    servers.unsubscribe()
    nodes.unsubscribe()
    offReturn()
    if (timer !== null) clearTimeout(timer)
  })
}
