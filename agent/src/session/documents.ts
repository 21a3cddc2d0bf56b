import { graphql } from '../gql/index.ts'

// Every operation of the control channel; schema/AGENT_PROTOCOL.md says how they belong together.

export const EnrolNode = graphql(`
  mutation EnrolNode($input: EnrolNodeInput!) {
    enrolNode(input: $input) {
      nodeId
      nodeName
    }
  }
`)

export const SignInChallenge = graphql(`
  query SignInChallenge($nodeId: ID!) {
    signInChallenge(nodeId: $nodeId) {
      challengeId
      challenge
      instanceId
      protocolVersion
    }
  }
`)

export const SignIn = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      sessionId
      heartbeatSeconds
      sampleSeconds
      serverTime
    }
  }
`)

export const Hello = graphql(`
  mutation Hello($input: HelloInput!) {
    hello(input: $input) {
      acceptedProtocolVersion
    }
  }
`)

export const Heartbeat = graphql(`
  mutation Heartbeat($input: HeartbeatInput!) {
    heartbeat(input: $input) {
      serverTime
    }
  }
`)

export const ReportServers = graphql(`
  mutation ReportServers($input: ReportServersInput!) {
    reportServers(input: $input) {
      applied
      ignored
    }
  }
`)

export const ReportCommands = graphql(`
  mutation ReportCommands($input: ReportCommandsInput!) {
    reportCommands(input: $input) {
      accepted
    }
  }
`)

export const ReportInstallation = graphql(`
  mutation ReportInstallation($input: ReportInstallationInput!) {
    reportInstallation(input: $input) {
      logLength
    }
  }
`)

export const ReportEvents = graphql(`
  mutation ReportEvents($input: ReportEventsInput!) {
    reportEvents(input: $input) {
      accepted
    }
  }
`)

export const PushConsole = graphql(`
  mutation PushConsole($input: PushConsoleInput!) {
    pushConsole(input: $input) {
      acknowledged
      expected
    }
  }
`)

export const PushSamples = graphql(`
  mutation PushSamples($input: PushSamplesInput!) {
    pushSamples(input: $input) {
      accepted
    }
  }
`)

export const PushNodeSamples = graphql(`
  mutation PushNodeSamples($input: PushNodeSamplesInput!) {
    pushNodeSamples(input: $input) {
      accepted
    }
  }
`)

graphql(`
  fragment AssignmentFields on Assignment {
    serverId
    generation
    desiredState
    isRemoved
    isInstalled
    isKill
    consolePosition
    flood {
      linesPerSecond
      bytesPerSecond
    }
    spec {
      name
      slug
      image {
        packages
        remove
        keep
      }
      startup
      environment {
        name
        value
      }
      workingDirectory
      readOnlyRoot
      ready {
        text
        regex
        timeoutSeconds
      }
      stop {
        command
        signal
        timeoutSeconds
      }
      restart {
        policy
        cleanExitCodes
        maximumRestarts
        windowSeconds
      }
      bootPolicy
      limits {
        memoryMiB
        cpuPercent
        cpuset
        diskMiB
        pids
      }
      ports {
        name
        ip
        port
        protocol
        isPrimary
      }
      install {
        script
        interpreter
        timeoutSeconds
      }
    }
  }
`)

export const Orders = graphql(`
  subscription Orders {
    orders {
      __typename
      ... on AssignmentSnapshotOrder {
        assignments {
          ...AssignmentFields
        }
        isLast
      }
      ... on AssignmentOrder {
        assignment {
          ...AssignmentFields
        }
      }
      ... on CommandOrder {
        id
        serverId
        kind
        generation
        deadlineSeconds
        consoleInput
        actor
        installationId
      }
      ... on WatchOrder {
        serverIds
        isNodeWatched
      }
    }
  }
`)
