import { graphql } from '../../gql/index.ts'

/** What can be set of a server's console. */
export const ConsoleSettingsFields = graphql(`
  fragment ConsoleSettings_Server on Server {
    id
    consoleSettings {
      retentionMiB
      retentionDays
      isTerminal
      floodLinesPerSecond
      floodBytesPerSecond
    }
  }
`)
