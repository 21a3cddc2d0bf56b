import { useApolloClient } from '@vue/apollo-composable'
import { onScopeDispose } from 'vue'
import { useConnection } from '../../composables/use-connection.ts'
import { graphql, readFragment } from '../../gql/index.ts'
import { ServerLive } from './server-fragments.ts'

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

const ServerPresence = graphql(`
  query ServerPresence($id: ID!) {
    server(id: $id) {
      id
    }
  }
`)

const LiveNodes = graphql(`
  subscription LiveNodes {
    nodeEvents {
      occurredAt
      nodeId
      node {
        ...NodeLive_Node
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
  const leaving = new Set<string>()
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

  const forget = (typename: string, id: string) => {
    client.cache.evict({ id: client.cache.identify({ __typename: typename, id }) ?? '' })
    client.cache.gc()
  }
  /** Deleted servers are shown as such until their node has confirmed; its event tells when to look. */
  const lookForGone = () => {
    for (const id of leaving) {
      void client.query({ query: ServerPresence, variables: { id }, fetchPolicy: 'no-cache' }).then(
        ({ data }) => {
          if (data.server !== null || !leaving.delete(id)) return
          forget('Server', id)
          refresh('ServerList', 'ServerCounts', 'NodeServers')
        },
        // The next event, or the return of the connection, looks again.
        () => undefined,
      )
    }
  }

  const servers = client.subscribe({ query: LiveServers }).subscribe({
    next: ({ data }) => {
      const event = data?.serverEvents
      if (event === undefined) return
      refresh('ServerCounts')
      refresh('ServerHistory', 'ServerMarks', 'ServerInstallRuns')
      if (event.__typename === 'ServerCreatedEvent') refresh('ServerList', 'NodeServers')
      if (event.__typename === 'ServerDeletedEvent') {
        leaving.add(readFragment(ServerLive, event.server).id)
        lookForGone()
      }
    },
    // Refused: the pages' own queries say why.
    error: () => undefined,
  })
  const nodes = client.subscribe({ query: LiveNodes }).subscribe({
    next: ({ data }) => {
      const event = data?.nodeEvents
      if (event === undefined) return
      // A node that comes or goes changes which rows there are, and the states of all its servers.
      refresh('NodeList', 'NodeHistory', 'NodePorts', 'ServersPageSurroundings', 'ServerCounts')
      if (event.node === null) forget('Node', event.nodeId)
      lookForGone()
    },
    error: () => undefined,
  })
  const offReturn = connection.onReturn(() => {
    void client.refetchQueries({ include: 'active' })
    lookForGone()
  })

  onScopeDispose(() => {
    servers.unsubscribe()
    nodes.unsubscribe()
    offReturn()
    if (timer !== null) clearTimeout(timer)
  })
}
