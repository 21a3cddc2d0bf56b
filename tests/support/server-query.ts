import { setTimeout as delay } from 'node:timers/promises'
import { print } from 'graphql'
import { graphql } from './gql/gql.ts'
import type { ServerAsSeenQuery } from './gql/graphql.ts'
import type { ThirdParty } from './third-party.ts'

const serverAsSeen = graphql(`
  query ServerAsSeen($id: ID!) {
    server(id: $id) {
      id
      status
      state
      desiredState
      activity
      isStale
      problem {
        code
        message
      }
      allocations {
        ip
        port
        protocol
        name
        isPrimary
      }
      lastExit {
        code
        reason
      }
      pendingRestart {
        attempt
        at
      }
    }
  }
`)

export type ServerView = NonNullable<ServerAsSeenQuery['server']>

/** The server as the api shows it now; null when it is gone. */
export async function fetchServer(client: ThirdParty, id: string): Promise<ServerView | null> {
  const data = await client.query<ServerAsSeenQuery>(print(serverAsSeen), { id })
  return data.server
}

/**
 * Asks again every 200 ms until `found` accepts the server: what any third party can do, and independent of the event
 * stream, so that a lost event cannot hide here. Rejects after `timeoutMs` with the last view.
 */
export async function untilServer(
  client: ThirdParty,
  id: string,
  found: (server: ServerView) => boolean,
  timeoutMs: number,
): Promise<ServerView> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const server = await fetchServer(client, id)
    if (server !== null && found(server)) return server
    if (performance.now() > deadline) throw new Error(`server not as awaited within ${String(timeoutMs)} ms: ${JSON.stringify(server)}`)
    await delay(200)
  }
}
