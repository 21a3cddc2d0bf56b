import { graphql } from '../../gql/index.ts'
import type { ConsoleEvent_AllFragment } from '../../gql/graphql.ts'

/** A piece of a console, or what is missing of it. History and stream are read alike. */
export const ConsoleEventFields = graphql(`
  fragment ConsoleEvent_All on ConsoleEvent {
    __typename
    from
    to
    ... on ConsoleChunk {
      kind
      runId
      text
      at
      actor
    }
    ... on ConsoleGap {
      reason
    }
  }
`)

export type ConsoleEvent = ConsoleEvent_AllFragment
export type ConsoleChunk = Extract<ConsoleEvent, { __typename: 'ConsoleChunk' }>
export type ConsoleGap = Extract<ConsoleEvent, { __typename: 'ConsoleGap' }>
