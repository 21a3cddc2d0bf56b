import type { UpdateConsoleSettingsInput } from '../../gql/graphql.ts'
import type { FieldProblem } from '../servers/create-form.ts'

/** What can be set of a console, as the api tells it. */
export type ConsoleSettings = {
  retentionMiB: number
  retentionDays: number
  isTerminal: boolean
  floodLinesPerSecond: number
  floodBytesPerSecond: number
}

/** Numbers are kept as typed: input is never lost, not even wrong input. */
export type ConsoleSettingsForm = {
  retentionMiB: string
  retentionDays: string
  isTerminal: boolean
  floodLinesPerSecond: string
  /** In KiB. */
  floodBytesPerSecond: string
}

/** Numbers of the form, with what the api takes. */
export const RANGES = {
  retentionMiB: [1, 65_536],
  retentionDays: [1, 3650],
  floodLinesPerSecond: [100, 1_000_000],
  floodBytesPerSecond: [64, 1_048_576],
} as const
export type NumberKey = keyof typeof RANGES
export const numberKeys = Object.keys(RANGES) as NumberKey[]

const KIB = 1024

export const formOf = (settings: ConsoleSettings): ConsoleSettingsForm => ({
  retentionMiB: String(settings.retentionMiB),
  retentionDays: String(settings.retentionDays),
  isTerminal: settings.isTerminal,
  floodLinesPerSecond: String(settings.floodLinesPerSecond),
  floodBytesPerSecond: String(Math.round(settings.floodBytesPerSecond / KIB)),
})

/** What is wrong, by field. */
export function consoleSettingsProblems(form: ConsoleSettingsForm): Partial<Record<NumberKey, FieldProblem>> {
  const problems: Partial<Record<NumberKey, FieldProblem>> = {}
  for (const key of numberKeys) {
    const [minimum, maximum] = RANGES[key]
    const text = form[key].trim()
    if (!/^\d{1,9}$/.test(text)) problems[key] = { key: 'field.number', named: {} }
    else if (Number(text) < minimum) problems[key] = { key: 'field.minimum', named: { minimum } }
    else if (Number(text) > maximum) problems[key] = { key: 'field.maximum', named: { maximum } }
  }
  return problems
}

/** What the form changes, and nothing else; null when nothing. */
export function consoleChangesOf(
  form: ConsoleSettingsForm,
  settings: ConsoleSettings,
): Omit<UpdateConsoleSettingsInput, 'serverId'> | null {
  const before = formOf(settings)
  const changed = numberKeys.filter((key) => form[key].trim() !== before[key])
  if (changed.length === 0 && form.isTerminal === before.isTerminal) return null
  return {
    ...Object.fromEntries(changed.map((key) => [key, Number(form[key]) * (key === 'floodBytesPerSecond' ? KIB : 1)])),
    ...(form.isTerminal !== before.isTerminal && { isTerminal: form.isTerminal }),
  }
}
