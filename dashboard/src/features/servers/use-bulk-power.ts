import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { useApolloClient } from '@vue/apollo-composable'
import { computed, onScopeDispose, shallowReactive, shallowRef, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { useMutate } from '../../composables/use-mutate.ts'
import { graphql, readFragment, type FragmentType } from '../../gql/index.ts'
import type { ServerBulk_ServerFragment } from '../../gql/graphql.ts'
import { refusalText } from '../../lib/refusal.ts'
import { bulkOutcome, type BulkOutcome, type BulkVerb } from './bulk-outcome.ts'

const ServerBulk = graphql(`
  fragment ServerBulk_Server on Server {
    id
    name
    status
    state
    runningSince
    waitingCommand {
      id
    }
  }
`)

const BulkAnswer = graphql(`
  fragment BulkAnswer_BulkResult on BulkResult {
    serverId
    server {
      ...ServerLive_Server
    }
    error {
      code
      message
    }
  }
`)

type Answer = { __typename: string; results?: readonly FragmentType<typeof BulkAnswer>[] }
type BulkDocument = TypedDocumentNode<Record<string, Answer>, { input: { ids: string[]; idempotencyKey: string } }>

const documents: Record<BulkVerb, BulkDocument> = {
  start: graphql(`
    mutation StartServers($input: StartServersInput!) {
      startServers(input: $input) {
        __typename
        ... on StartServersSuccess {
          results {
            ...BulkAnswer_BulkResult
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
    mutation StopServers($input: StopServersInput!) {
      stopServers(input: $input) {
        __typename
        ... on StopServersSuccess {
          results {
            ...BulkAnswer_BulkResult
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
    mutation RestartServers($input: RestartServersInput!) {
      restartServers(input: $input) {
        __typename
        ... on RestartServersSuccess {
          results {
            ...BulkAnswer_BulkResult
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
    mutation KillServers($input: KillServersInput!) {
      killServers(input: $input) {
        __typename
        ... on KillServersSuccess {
          results {
            ...BulkAnswer_BulkResult
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
    mutation DeleteServers($input: DeleteServersInput!) {
      deleteServers(input: $input) {
        __typename
        ... on DeleteServersSuccess {
          results {
            ...BulkAnswer_BulkResult
          }
        }
        ... on Error {
          code
          message
        }
      }
    }
  `),
}

/** Servers in one mutation, at most. */
const BATCH = 100

type Target = { id: string; name: string; runningSince: string | null }
/** One server of the job. `refusal`: why the api did not take the order. */
export type BulkEntry = Target & { isAnswered: boolean; refusal: string | null; now: ServerBulk_ServerFragment | null }
export type BulkResult = BulkEntry & { outcome: BulkOutcome }

/** One order to many servers, followed until every one of them came to an end of it. */
export function useBulkPower() {
  const { client } = useApolloClient()
  const { t, te } = useI18n()
  const mutate = useMutate()
  const verb = shallowRef<BulkVerb | null>(null)
  const entries = shallowReactive(new Map<string, BulkEntry>())
  let closers: (() => void)[] = []

  const change = (id: string, part: Partial<BulkEntry>) => {
    const entry = entries.get(id)
    if (entry !== undefined) entries.set(id, { ...entry, ...part })
  }
  const stopFollowing = () => {
    for (const close of closers) close()
    closers = []
  }
  const follow = (id: string) => {
    const watched = client.watchFragment({ fragment: ServerBulk, fragmentName: 'ServerBulk_Server', from: { __typename: 'Server', id } })
    const subscription = watched.subscribe(({ data, complete }) => {
      change(id, { now: complete ? data : null })
    })
    closers.push(() => {
      subscription.unsubscribe()
    })
  }

  const results = computed((): BulkResult[] =>
    verb.value === null ? [] : Array.from(entries.values(), (entry) => ({ ...entry, outcome: bulkOutcome(verb.value ?? 'stop', entry) })),
  )
  const isOpen = computed(() => results.value.some(({ outcome }) => outcome === 'open'))
  watch(isOpen, (open) => {
    if (!open) stopFollowing()
  })
  onScopeDispose(stopFollowing)

  return {
    verb,
    results,
    /** Something is still on its way. */
    isOpen,
    async order(wanted: BulkVerb, targets: readonly Target[]): Promise<void> {
      stopFollowing()
      entries.clear()
      for (const { id, name, runningSince } of targets)
        entries.set(id, { id, name, runningSince, isAnswered: false, refusal: null, now: null })
      verb.value = wanted
      for (const { id } of targets) follow(id)
      const ids = targets.map(({ id }) => id)
      for (let from = 0; from < ids.length; from += BATCH) {
        const batch = ids.slice(from, from + BATCH)
        const outcome = await mutate(documents[wanted], { input: { ids: batch, idempotencyKey: crypto.randomUUID() } })
        const answers = outcome.isTaken ? readFragment(BulkAnswer, Object.values(outcome.data)[0]?.results ?? []) : []
        const errors = new Map(answers.map(({ serverId, error }) => [serverId, error === null ? null : refusalText(error, te, t)]))
        for (const id of batch) change(id, { isAnswered: true, refusal: outcome.isTaken ? (errors.get(id) ?? null) : outcome.text })
      }
    },
    clear() {
      stopFollowing()
      entries.clear()
      verb.value = null
    },
  }
}
