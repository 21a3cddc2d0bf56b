import { computed, reactive, ref, watch, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useMutate } from '../../composables/use-mutate.ts'
import { graphql } from '../../gql/index.ts'
import type { FormVariable } from './create-form.ts'
import { changesOf, formOf, settingsProblems, type ServerSettings } from './settings-form.ts'

const UpdateServer = graphql(`
  mutation UpdateServer($input: UpdateServerInput!) {
    updateServer(input: $input) {
      __typename
      ... on UpdateServerSuccess {
        server {
          ...ServerLive_Server
          ...ServerSettings_Server
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

/** The form of a server's settings. It follows what others change until something is typed into it. */
export function useServerSettings(settings: Ref<ServerSettings>, variables: Ref<readonly FormVariable[]>) {
  const { t } = useI18n()
  const mutate = useMutate()
  const form = reactive(formOf(settings.value))
  let base = settings.value
  /** Texts of what is wrong, by field; the empty key is the whole form. */
  const problems = ref<Record<string, string>>({})
  const isBusy = ref(false)
  const isSaved = ref(false)
  const changes = computed(() => changesOf(form, settings.value, variables.value))

  const found = () =>
    Object.fromEntries(Object.entries(settingsProblems(form, variables.value)).map(([field, { key, named }]) => [field, t(key, named)]))
  const reset = () => {
    base = settings.value
    Object.assign(form, formOf(base))
    problems.value = {}
  }
  watch(settings, () => {
    if (changesOf(form, base, variables.value) === null) reset()
  })
  watch(form, () => {
    if (changes.value !== null) isSaved.value = false
    // A field that was wrong is checked with each change: its message goes as soon as it is mended.
    const now = found()
    problems.value = Object.fromEntries(
      Object.keys(problems.value).flatMap((field) => (now[field] === undefined ? [] : [[field, now[field]]])),
    )
  })

  return {
    form,
    problems,
    isBusy,
    isSaved,
    changes,
    reset,
    /** Checks one field when it is left. */
    check(field: string) {
      const text = found()[field]
      const { [field]: _old, ...rest } = problems.value
      problems.value = text === undefined ? rest : { ...rest, [field]: text }
    },
    /** True when the api took the changes. */
    async save(): Promise<boolean> {
      problems.value = found()
      const input = changes.value
      if (isBusy.value || input === null || Object.keys(problems.value).length > 0) return false
      isBusy.value = true
      const outcome = await mutate(UpdateServer, { input: { id: settings.value.id, ...input, idempotencyKey: crypto.randomUUID() } })
      isBusy.value = false
      if (outcome.isTaken) {
        reset()
        isSaved.value = true
        return true
      }
      const fields = Object.entries(outcome.fields).map(([path, text]) => {
        const variable = /^variables\.(\d+)/.exec(path)
        const name = variable === null ? undefined : input.variables?.[Number(variable[1])]?.name
        return [name === undefined ? path : `variables.${name}`, text]
      })
      problems.value = fields.length > 0 ? (Object.fromEntries(fields) as Record<string, string>) : { '': outcome.text }
      return false
    },
  }
}
