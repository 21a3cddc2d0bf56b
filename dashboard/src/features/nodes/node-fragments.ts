import { graphql } from '../../gql/index.ts'
import type { NodeLive_NodeFragment } from '../../gql/graphql.ts'

/** Everything of a node that changes while it is looked at: read with each event, so that every page follows. */
export const NodeLive = graphql(`
  fragment NodeLive_Node on Node {
    id
    name
    address
    location
    tags
    createdAt
    status
    isOnline
    isMaintenance
    lastSeenAt
    agentVersion
    clockOffsetSeconds
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
    used {
      memoryBytes
      cpuPercent
      diskBytes
    }
    overcommit {
      memoryPercent
      cpuPercent
      diskPercent
    }
    runtime {
      name
      version
      cgroupVersion
    }
    serverCount
    runningServerCount
    allocationCount
    freeAllocationCount
  }
`)

export type NodeView = NodeLive_NodeFragment
