import { graphql } from '../../gql/index.ts'
import type { ServerRow_ServerFragment } from '../../gql/graphql.ts'

/** What a row of the list shows. */
export const ServerRow = graphql(`
  fragment ServerRow_Server on Server {
    id
    name
    status
    state
    desiredState
    isStale
    stateObservedAt
    revision
    runningSince
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
      percent
      step
    }
    node {
      id
      name
      isOnline
    }
    template {
      id
      name
      version
    }
    allocations {
      ip
      port
      isPrimary
    }
    limits {
      memoryMiB
      cpuPercent
      diskMiB
    }
    metrics {
      at
      cpuPercent
      memoryBytes
      memoryLimitBytes
      diskBytes
    }
    viewerCanStart
    viewerCanStop
    viewerCanRestart
    viewerCanKill
    viewerCanDelete
    viewerCanForceDelete
  }
`)

export type ServerRowView = ServerRow_ServerFragment

type Address = { ip: string; port: number; isPrimary: boolean }

/** The address that players type; null without ports. */
export function primaryAddress(allocations: readonly Address[]): string | null {
  const found = allocations.find(({ isPrimary }) => isPrimary) ?? allocations[0]
  if (found === undefined) return null
  return found.ip.includes(':') ? `[${found.ip}]:${found.port}` : `${found.ip}:${found.port}`
}
