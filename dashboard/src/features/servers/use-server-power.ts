import { useApolloClient } from '@vue/apollo-composable'
import { reactive } from 'vue'
import { useI18n } from 'vue-i18n'
import { useMessages } from '../../composables/use-messages.ts'
import { graphql } from '../../gql/index.ts'
import { refusalText } from '../../lib/refusal.ts'
import type { PowerVerb } from './server-state.ts'

const documents = {
  start: graphql(`
    mutation StartServer($input: StartServerInput!) {
      startServer(input: $input) {
        __typename
        ... on StartServerSuccess {
          server {
            ...ServerLive_Server
          }
        }
        ... on Error {
          code
          message
        }
      }
    }
  `),
  stop: graphql(`
    mutation StopServer($input: StopServerInput!) {
      stopServer(input: $input) {
        __typename
        ... on StopServerSuccess {
          server {
            ...ServerLive_Server
          }
        }
        ... on Error {
          code
          message
        }
      }
    }
  `),
  restart: graphql(`
    mutation RestartServer($input: RestartServerInput!) {
      restartServer(input: $input) {
        __typename
        ... on RestartServerSuccess {
          server {
            ...ServerLive_Server
          }
        }
        ... on Error {
          code
          message
        }
      }
    }
  `),
  kill: graphql(`
    mutation KillServer($input: KillServerInput!) {
      killServer(input: $input) {
        __typename
        ... on KillServerSuccess {
          server {
            ...ServerLive_Server
          }
        }
        ... on Error {
          code
          message
        }
      }
    }
  `),
  install: graphql(`
    mutation InstallServer($input: InstallServerInput!) {
      installServer(input: $input) {
        __typename
        ... on InstallServerSuccess {
          server {
            ...ServerLive_Server
          }
        }
        ... on Error {
          code
          message
        }
      }
    }
  `),
  abort: graphql(`
    mutation AbortInstallation($input: AbortInstallationInput!) {
      abortInstallation(input: $input) {
        __typename
        ... on AbortInstallationSuccess {
          server {
            ...ServerLive_Server
          }
        }
        ... on Error {
          code
          message
        }
      }
    }
  `),
  delete: graphql(`
    mutation DeleteServer($input: DeleteServerInput!) {
      deleteServer(input: $input) {
        __typename
        ... on DeleteServerSuccess {
          deletedServerId
        }
        ... on Error {
          code
          message
        }
      }
    }
  `),
}

export type ServerOrder = PowerVerb | 'install' | 'abort' | 'delete'

type Outcome = { __typename: string; code?: string; message?: string }

/** Gives orders to servers. What was asked shows at once; the state follows when the node reports it. */
export function useServerPower() {
  const { client } = useApolloClient()
  const { t, te } = useI18n()
  const messages = useMessages()
  const sent = reactive(new Map<string, ServerOrder>())

  return {
    /** The order that waits for the api's answer, if any. */
    sending: (id: string): ServerOrder | null => sent.get(id) ?? null,
    /** True when the api took the order; otherwise a message says why not. */
    async order(verb: ServerOrder, server: { id: string; name: string }, more: { force?: boolean } = {}): Promise<boolean> {
      if (sent.has(server.id)) return false
      sent.set(server.id, verb)
      try {
        const { data } = await client.mutate({
          mutation: documents[verb],
          variables: { input: { id: server.id, ...more, ...(verb !== 'abort' && { idempotencyKey: crypto.randomUUID() }) } },
        })
        const result = Object.values((data ?? {}) as Record<string, Outcome | string>).find(
          (value): value is Outcome => typeof value === 'object',
        )
        if (result?.code === undefined) return true
        messages.show(
          'danger',
          t(`power.failed.${verb}`, { name: server.name }),
          refusalText({ code: result.code, message: result.message ?? '' }, te, t),
        )
      } catch (error) {
        messages.show('danger', t(`power.failed.${verb}`, { name: server.name }), error instanceof Error ? error.message : '')
      } finally {
        sent.delete(server.id)
      }
      return false
    },
  }
}

export type ServerPower = ReturnType<typeof useServerPower>
