import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useMessages } from '../../composables/use-messages.ts'
import { useMutate, type Outcome } from '../../composables/use-mutate.ts'
import { graphql } from '../../gql/index.ts'
import type { UpdateNodeInput, UpdateNodeMutation } from '../../gql/graphql.ts'

const UpdateNode = graphql(`
  mutation UpdateNode($input: UpdateNodeInput!) {
    updateNode(input: $input) {
      __typename
      ... on UpdateNodeSuccess {
        node {
          ...NodeLive_Node
        }
      }
      ... on Error {
        code
        message
      }
      ... on ValidationError {
        fields {
          path
          message
          code
        }
      }
    }
  }
`)

/** Changes settings of a node. A refusal that names no field is shown as a message. */
export function useUpdateNode() {
  const { t } = useI18n()
  const messages = useMessages()
  const mutate = useMutate()
  const isBusy = ref(false)
  return {
    isBusy,
    async update(input: UpdateNodeInput, name: string): Promise<Outcome<UpdateNodeMutation>> {
      isBusy.value = true
      const outcome = await mutate(UpdateNode, { input })
      isBusy.value = false
      if (!outcome.isTaken && Object.keys(outcome.fields).length === 0)
        messages.show('danger', t('nodePage.notChanged', { name }), outcome.text)
      return outcome
    },
  }
}
