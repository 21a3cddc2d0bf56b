import { graphql } from '../../gql/index.ts'
import type { ServerLive_ServerFragment, ServerPageQuery } from '../../gql/graphql.ts'

/** Everything of a server that changes while it is looked at: read with each event, so that every page follows. */
export const ServerLive = graphql(`
  fragment ServerLive_Server on Server {
    id
    name
    status
    state
    desiredState
    activity
    isStale
    stateObservedAt
    runningSince
    installedAt
    updatedAt
    revision
    problem {
      code
      message
      at
    }
    lastExit {
      code
      reason
      at
    }
    pendingRestart {
      attempt
      maximum
      at
      reason
    }
    needsRestart
    waitingCommand {
      id
      kind
      createdAt
      deadline
      expires
    }
    installation {
      id
      status
      step
      percent
      error
      startedAt
      finishedAt
    }
    viewerCanStart
    viewerCanStop
    viewerCanRestart
    viewerCanKill
    viewerCanInstall
    viewerCanUpdate
    viewerCanDelete
    viewerCanForceDelete
    viewerCanSendCommands
    viewerCanReadConsole
  }
`)

/** A server as its page has it: what stays, and what follows each event. */
export type ServerView = NonNullable<ServerPageQuery['server']> & ServerLive_ServerFragment
