import { graphql } from '../../gql/index.ts'

/** What can be set of a server. */
export const ServerSettingsFields = graphql(`
  fragment ServerSettings_Server on Server {
    id
    name
    needsRestart
    limits {
      memoryMiB
      cpuPercent
      diskMiB
    }
    cpuset
    restartPolicy {
      policy
      cleanExitCodes
      maximumRestarts
      windowSeconds
    }
    bootPolicy
    stopRule {
      command
      signal
      timeoutSeconds
      isOwn
    }
    variables {
      name
      value
    }
  }
`)
