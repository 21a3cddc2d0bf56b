import { useApolloClient } from '@vue/apollo-composable'
import { reactive, ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { graphql } from '../../gql/index.ts'
import { refusalText } from '../../lib/refusal.ts'
import { fieldOfPath, formProblems, toInput, type CreateForm, type FieldProblem, type FormTemplate } from './create-form.ts'

const CreateServer = graphql(`
  mutation CreateServer($input: CreateServerInput!) {
    createServer(input: $input) {
      __typename
      ... on CreateServerSuccess {
        server {
          id
          ...ServerLive_Server
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
      ... on PortUnavailableError {
        path
        port
        nextFreePort
        takenBy
      }
    }
  }
`)

/** Texts of what is wrong, by field; the empty key is the whole form. */
export type Problems = Record<string, string>

/** Sends the form; every refusal lands on its field, and nothing typed is lost. */
export function useCreateServer() {
  const { client } = useApolloClient()
  const { t, te } = useI18n()
  const problems = reactive<Problems>({})
  /** Free ports that the api offered instead of taken ones, by field. */
  const offers = reactive<Record<string, number>>({})
  const isBusy = ref(false)
  let sent: { body: string; key: string } | null = null

  const text = ({ key, named }: FieldProblem) => t(key, named)
  const clear = () => {
    for (const key of Object.keys(problems)) Reflect.deleteProperty(problems, key)
    for (const key of Object.keys(offers)) Reflect.deleteProperty(offers, key)
  }
  return {
    problems,
    offers,
    isBusy,
    /** Checks one field when it is left. */
    check(field: string, form: CreateForm, template: FormTemplate | null) {
      const problem = formProblems(form, template)[field]
      Reflect.deleteProperty(offers, field)
      if (problem === undefined) Reflect.deleteProperty(problems, field)
      else problems[field] = text(problem)
    },
    /** Id of the new server; null when something must change first. */
    async submit(form: CreateForm, template: FormTemplate | null): Promise<string | null> {
      if (isBusy.value) return null
      clear()
      for (const [field, problem] of Object.entries(formProblems(form, template))) problems[field] = text(problem)
      if (template === null || Object.keys(problems).length > 0) return null
      isBusy.value = true
      try {
        // The same form sent twice (a lost answer, a second click) makes one server.
        const body = JSON.stringify(form)
        if (sent?.body !== body) sent = { body, key: crypto.randomUUID() }
        const input = toInput(form, template, sent.key)
        const { data } = await client.mutate({ mutation: CreateServer, variables: { input } })
        const result = data?.createServer
        if (result?.__typename === 'CreateServerSuccess') return result.server.id
        sent = null
        if (result?.__typename === 'ValidationError')
          for (const { path, message } of result.fields) problems[fieldOfPath(path, input)] = message
        else if (result?.__typename === 'PortUnavailableError') {
          const field = fieldOfPath(result.path, input)
          const { port, nextFreePort, takenBy } = result
          problems[field] = takenBy === null ? t('serverCreate.portTaken', { port }) : t('serverCreate.portTakenBy', { server: takenBy })
          if (nextFreePort !== null) offers[field] = nextFreePort
        } else if (result?.__typename === 'CapacityError') problems['nodeId'] = refusalText(result, te, t)
        else problems[''] = result === undefined ? t('queryState.unreachable') : refusalText(result, te, t)
        if (Object.keys(problems).length === 0 && result !== undefined) problems[''] = refusalText(result, te, t)
      } catch (error) {
        problems[''] =
          error instanceof Error && 'networkError' in error && error.networkError != null
            ? t('queryState.unreachable')
            : error instanceof Error
              ? error.message
              : t('queryState.unreachable')
      } finally {
        isBusy.value = false
      }
      return null
    },
  }
}
