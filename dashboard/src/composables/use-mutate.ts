import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { useApolloClient } from '@vue/apollo-composable'
import { useI18n } from 'vue-i18n'
import { refusalText, type Refusal } from '../lib/refusal.ts'

/** What became of a mutation. `fields` has the texts of refused inputs by their path below `input`, such as `restartPolicy.windowSeconds`. */
export type Outcome<T> = { isTaken: true; data: T } | { isTaken: false; text: string; fields: Record<string, string> }

const isRefusal = (value: unknown): value is Refusal => typeof value === 'object' && value !== null && 'code' in value

/** Sends mutations; refusals and failures come back as values, in words. */
export function useMutate() {
  const { client } = useApolloClient()
  const { t, te } = useI18n()

  return async function mutate<T extends object, V extends Record<string, unknown>>(
    mutation: TypedDocumentNode<T, V>,
    variables: V,
  ): Promise<Outcome<T>> {
    try {
      const { data } = await client.mutate({ mutation, variables })
      if (data == null) return { isTaken: false, text: t('queryState.unreachable'), fields: {} }
      const refusal = Object.values(data).find(isRefusal)
      if (refusal === undefined) return { isTaken: true, data }
      const fields = Object.fromEntries(
        (refusal.fields ?? []).map(({ path, message }) => [(path[0] === 'input' ? path.slice(1) : path).join('.'), message]),
      )
      return { isTaken: false, text: refusalText(refusal, te, t), fields }
    } catch (error) {
      const isAway = error instanceof Error && 'networkError' in error && error.networkError != null
      return { isTaken: false, text: error instanceof Error && !isAway ? error.message : t('queryState.unreachable'), fields: {} }
    }
  }
}
