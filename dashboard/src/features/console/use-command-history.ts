import { useApolloClient } from '@vue/apollo-composable'
import { graphql } from '../../gql/index.ts'
import { createCommandHistory } from './command-history.ts'

const ConsoleCommands = graphql(`
  query ConsoleCommands($serverId: ID!) {
    consoleCommands(serverId: $serverId, first: 100) {
      nodes {
        id
        text
        isPrivate
      }
    }
  }
`)

/** What the operators of a server have typed, for the arrow keys and for Tab. */
export function useCommandHistory(serverId: string) {
  const { client } = useApolloClient()
  const history = createCommandHistory()
  let isCurrent = false

  return {
    older: history.older,
    newer: history.newer,
    newestFirst: history.newestFirst,
    add: history.add,
    /** Somebody has typed something: it is read when the history is wanted next. */
    outdate(): void {
      isCurrent = false
    },
    /** Reads what is new. Without an answer the keys have what was known before. */
    async refresh(): Promise<void> {
      if (isCurrent) return
      isCurrent = true
      try {
        const { data } = await client.query({ query: ConsoleCommands, variables: { serverId }, fetchPolicy: 'no-cache' })
        history.replace(data.consoleCommands?.nodes ?? [])
      } catch {
        isCurrent = false
      }
    },
  }
}
