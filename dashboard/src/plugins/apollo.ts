import { ApolloClient, from, HttpLink, InMemoryCache, setLogVerbosity, split } from '@apollo/client/core'
import { onError } from '@apollo/client/link/error'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { getMainDefinition } from '@apollo/client/utilities'
import { Kind, OperationTypeNode } from 'graphql'
import type { Client } from 'graphql-ws'
import { createFreshLink } from './fresh-link.ts'
import { appendPage, growHistory } from './page-merge.ts'

const byId =
  (typename: string) =>
  (
    _existing: unknown,
    { args, toReference }: { args: Record<string, unknown> | null; toReference: (value: { __typename: string; id: string }) => unknown },
  ) =>
    toReference({ __typename: typename, id: String(args?.['id']) })

const connection = (...keyArgs: string[]) => ({ keyArgs: ['first', ...keyArgs], merge: appendPage })

/** Apollo with the session cookie: queries and mutations over HTTP, subscriptions over the socket. */
export function createApollo(socket: Client, onSignedOut: () => void) {
  const http = new HttpLink({ uri: '/graphql', credentials: 'same-origin' })
  const signedOut = onError(({ graphQLErrors }) => {
    if (graphQLErrors?.some((error) => error.extensions?.['code'] === 'UNAUTHENTICATED') === true) onSignedOut()
  })
  const transport = split(
    ({ query }) => {
      const definition = getMainDefinition(query)
      return definition.kind === Kind.OPERATION_DEFINITION && definition.operation === OperationTypeNode.SUBSCRIPTION
    },
    new GraphQLWsLink(socket),
    http,
  )
  // Its warnings are for the authors of the binding, not for people at the browser.
  setLogVerbosity('error')
  return new ApolloClient({
    link: from([signedOut, createFreshLink(), transport]),
    cache: new InMemoryCache({
      possibleTypes: { ServerEvent: ['ServerCreatedEvent', 'ServerChangedEvent', 'ServerDeletedEvent'] },
      typePolicies: {
        // What a page knows from a list is shown at once while its own query runs.
        Query: {
          fields: {
            server: { read: byId('Server') },
            node: { read: byId('Node') },
            template: { read: byId('Template') },
            servers: connection('filter', 'orderBy'),
            nodes: connection(),
            templates: connection(),
            users: connection('search'),
            serverHistory: { keyArgs: ['serverId', 'filter'], merge: growHistory },
            nodeHistory: { keyArgs: ['nodeId'], merge: growHistory },
            allocations: connection('nodeId', 'filter'),
          },
        },
        Server: { fields: { limits: { merge: true }, node: { merge: true }, template: { merge: true } } },
      },
    }),
    defaultOptions: {
      watchQuery: { fetchPolicy: 'cache-and-network', nextFetchPolicy: 'cache-first' },
      query: { fetchPolicy: 'network-only' },
    },
  })
}
