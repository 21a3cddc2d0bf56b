import type { BootPolicy, CrashPolicy, UpdateServerInput } from '../../gql/graphql.ts'
import { limitKeys, limitProblem, variableProblem, type FieldProblem, type FormVariable } from './create-form.ts'

/** What can be set of a server, as the api tells it. */
export type ServerSettings = {
  id: string
  name: string
  limits: { memoryMiB: number; cpuPercent: number; diskMiB: number }
  cpuset: string
  restartPolicy: { policy: CrashPolicy; cleanExitCodes: readonly number[]; maximumRestarts: number; windowSeconds: number }
  bootPolicy: BootPolicy
  stopRule: { command: string | null; signal: string | null; timeoutSeconds: number; isOwn: boolean }
  variables: readonly { name: string; value: string }[]
}

export type StopKind = 'template' | 'command' | 'signal'

/** Everything is kept as typed: input is never lost, not even wrong input. */
export type SettingsForm = {
  name: string
  memoryMiB: string
  cpuPercent: string
  diskMiB: string
  cpuset: string
  policy: CrashPolicy
  cleanExitCodes: string
  maximumRestarts: string
  windowSeconds: string
  bootPolicy: BootPolicy
  stopKind: StopKind
  stopCommand: string
  stopSignal: string
  stopTimeoutSeconds: string
  variables: Record<string, string>
}

const RANGES = { maximumRestarts: [0, 1000], windowSeconds: [10, 86_400], stopTimeoutSeconds: [1, 3600] } as const

export function formOf(settings: ServerSettings): SettingsForm {
  const { restartPolicy, stopRule } = settings
  return {
    name: settings.name,
    memoryMiB: String(settings.limits.memoryMiB),
    cpuPercent: String(settings.limits.cpuPercent),
    diskMiB: String(settings.limits.diskMiB),
    cpuset: settings.cpuset,
    policy: restartPolicy.policy,
    cleanExitCodes: restartPolicy.cleanExitCodes.join(', '),
    maximumRestarts: String(restartPolicy.maximumRestarts),
    windowSeconds: String(restartPolicy.windowSeconds),
    bootPolicy: settings.bootPolicy,
    stopKind: !stopRule.isOwn ? 'template' : stopRule.command === null ? 'signal' : 'command',
    stopCommand: stopRule.command ?? '',
    stopSignal: stopRule.signal ?? '',
    stopTimeoutSeconds: String(stopRule.timeoutSeconds),
    variables: Object.fromEntries(settings.variables.map(({ name, value }) => [name, value])),
  }
}

const codesOf = (text: string) =>
  text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map(Number)

/** Problems by field path of the api, such as `name`, `restartPolicy.windowSeconds` or `variables.MAP`. */
export function settingsProblems(form: SettingsForm, variables: readonly FormVariable[]): Record<string, FieldProblem> {
  const problems: Record<string, FieldProblem> = {}
  const inRange = (path: string, text: string, [minimum, maximum]: readonly [number, number]) => {
    const value = Number(text)
    if (!/^\d{1,9}$/.test(text.trim())) problems[path] = { key: 'field.number', named: {} }
    else if (value < minimum) problems[path] = { key: 'field.minimum', named: { minimum } }
    else if (value > maximum) problems[path] = { key: 'field.maximum', named: { maximum } }
  }
  const name = form.name.trim()
  if (name === '') problems['name'] = { key: 'field.required', named: {} }
  else if (Array.from(name).length > 64) problems['name'] = { key: 'field.maxLength', named: { length: 64 } }
  for (const key of limitKeys) {
    const problem = limitProblem(key, form[key])
    if (problem !== null) problems[key] = problem
  }
  if (!/^(\d{1,4}(-\d{1,4})?(\s*,\s*\d{1,4}(-\d{1,4})?)*)?$/.test(form.cpuset.trim()))
    problems['cpuset'] = { key: 'settings.cpusetWrong', named: {} }
  if (form.policy !== 'NEVER') {
    inRange('restartPolicy.maximumRestarts', form.maximumRestarts, RANGES.maximumRestarts)
    inRange('restartPolicy.windowSeconds', form.windowSeconds, RANGES.windowSeconds)
  }
  if (form.policy === 'ON_FAILURE' && !codesOf(form.cleanExitCodes).every((code) => Number.isInteger(code) && code >= 0 && code <= 255))
    problems['restartPolicy.cleanExitCodes'] = { key: 'settings.exitCodesWrong', named: {} }
  if (form.stopKind !== 'template') {
    const field = form.stopKind === 'command' ? 'stopCommand' : 'stopSignal'
    if (form[field].trim() === '') problems[`stop.${form.stopKind}`] = { key: 'field.required', named: {} }
    inRange('stop.timeoutSeconds', form.stopTimeoutSeconds, RANGES.stopTimeoutSeconds)
  }
  for (const variable of variables) {
    const problem = variable.isEditable ? variableProblem(variable, form.variables[variable.name] ?? '') : null
    if (problem !== null) problems[`variables.${variable.name}`] = problem
  }
  return problems
}

/** What the form changes, and nothing else; null when nothing. */
export function changesOf(
  form: SettingsForm,
  settings: ServerSettings,
  variables: readonly FormVariable[],
): Omit<UpdateServerInput, 'id'> | null {
  const before = formOf(settings)
  const differ = (...keys: (keyof SettingsForm)[]) => keys.some((key) => form[key] !== before[key])
  const changed = variables.filter(({ name, isEditable }) => isEditable && (form.variables[name] ?? '') !== (before.variables[name] ?? ''))
  const input: Omit<UpdateServerInput, 'id'> = {
    ...(form.name.trim() !== settings.name && { name: form.name.trim() }),
    ...Object.fromEntries(limitKeys.filter((key) => differ(key)).map((key) => [key, Number(form[key])])),
    ...(differ('cpuset') && { cpuset: form.cpuset.trim() }),
    ...(differ('policy', 'cleanExitCodes', 'maximumRestarts', 'windowSeconds') && {
      restartPolicy: {
        policy: form.policy,
        // Those that the policy does not ask for stay as they are.
        ...(form.policy !== 'NEVER' && { maximumRestarts: Number(form.maximumRestarts), windowSeconds: Number(form.windowSeconds) }),
        ...(form.policy === 'ON_FAILURE' && { cleanExitCodes: codesOf(form.cleanExitCodes) }),
      },
    }),
    ...(differ('bootPolicy') && { bootPolicy: form.bootPolicy }),
    ...(stopDiffers(form, before) && {
      stop:
        form.stopKind === 'template'
          ? null
          : {
              ...(form.stopKind === 'command' ? { command: form.stopCommand } : { signal: form.stopSignal.trim() }),
              timeoutSeconds: Number(form.stopTimeoutSeconds),
            },
    }),
    ...(changed.length > 0 && { variables: changed.map(({ name }) => ({ name, value: form.variables[name] ?? '' })) }),
  }
  return Object.keys(input).length === 0 ? null : input
}

/** Fields of a kind that is not chosen count for nothing. */
function stopDiffers(form: SettingsForm, before: SettingsForm): boolean {
  if (form.stopKind !== before.stopKind) return true
  if (form.stopKind === 'template') return false
  const field = form.stopKind === 'command' ? 'stopCommand' : 'stopSignal'
  return form[field] !== before[field] || form.stopTimeoutSeconds !== before.stopTimeoutSeconds
}
