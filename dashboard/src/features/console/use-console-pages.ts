import { useApolloClient } from '@vue/apollo-composable'
import { graphql, readFragment } from '../../gql/index.ts'
import { ConsoleEventFields } from './console-event.ts'
import type { ConsolePage } from './console-log.ts'
import type { ConsoleQuery, MatchPage } from './console-search.ts'

const PAGE_LINES = 1000

const ConsolePages = graphql(`
  query ConsolePages($serverId: ID!, $before: SafeInt, $after: SafeInt, $lines: Int!, $hasBefore: Boolean!, $hasAfter: Boolean!) {
    older: console(serverId: $serverId, before: $before, lines: $lines) @include(if: $hasBefore) {
      nodes {
        ...ConsoleEvent_All
      }
      pageInfo {
        hasPreviousPage
      }
    }
    newer: console(serverId: $serverId, after: $after, lines: $lines) @include(if: $hasAfter) {
      nodes {
        ...ConsoleEvent_All
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`)

const ConsoleSince = graphql(`
  query ConsoleSince($serverId: ID!, $at: DateTime!) {
    console(serverId: $serverId, at: $at, lines: 1) {
      pageInfo {
        startCursor
      }
    }
  }
`)

const ConsoleSearch = graphql(`
  query ConsoleSearch($serverId: ID!, $text: String, $regex: String, $matchCase: Boolean, $before: SafeInt) {
    searchConsole(serverId: $serverId, text: $text, regex: $regex, matchCase: $matchCase, before: $before) {
      nodes {
        position
        at
        text
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`)

/** The server is gone, or not visible any more. */
export class ConsoleGoneError extends Error {
  override readonly name = 'ConsoleGoneError'
}

/** Reads a console's history. Pages are large and read once: they stay out of the cache. Every method throws what the client does. */
export function useConsolePages(serverId: string) {
  const { client } = useApolloClient()

  async function pages(before: number | null, after: number | null): Promise<{ before: ConsolePage; after: ConsolePage }> {
    const variables = { serverId, before, after, lines: PAGE_LINES, hasBefore: before !== null, hasAfter: after !== null }
    const { data } = await client.query({ query: ConsolePages, variables, fetchPolicy: 'no-cache' })
    if (data.older === null || data.newer === null) throw new ConsoleGoneError()
    return {
      before: { events: readFragment(ConsoleEventFields, data.older?.nodes ?? []), hasMore: data.older?.pageInfo.hasPreviousPage ?? false },
      after: { events: readFragment(ConsoleEventFields, data.newer?.nodes ?? []), hasMore: data.newer?.pageInfo.hasNextPage ?? false },
    }
  }
  return {
    before: async (position: number) => (await pages(position, null)).before,
    after: async (position: number) => (await pages(null, position)).after,
    around: (position: number) => pages(position, position),
    /** Position of the first line printed at a time or later; null when there is none. */
    async since(at: Date): Promise<number | null> {
      const variables = { serverId, at: at.toISOString() }
      const { data } = await client.query({ query: ConsoleSince, variables, fetchPolicy: 'no-cache' })
      return data.console?.pageInfo.startCursor ?? null
    },
    /** Lines with a text or matching a pattern, before a position or from the newest on. */
    async search({ text, isPattern, matchCase }: ConsoleQuery, before: number | null): Promise<MatchPage> {
      const variables = { serverId, before, matchCase, ...(isPattern ? { regex: text } : { text }) }
      const { data } = await client.query({ query: ConsoleSearch, variables, fetchPolicy: 'no-cache' })
      if (data.searchConsole == null) throw new ConsoleGoneError()
      const { nodes, pageInfo } = data.searchConsole
      return { matches: nodes, next: pageInfo.hasNextPage ? pageInfo.endCursor : null }
    },
  }
}

export type ConsolePages = ReturnType<typeof useConsolePages>
