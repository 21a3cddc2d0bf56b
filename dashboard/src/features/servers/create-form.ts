import type { CreateServerInput, TemplateVariableType } from '../../gql/graphql.ts'

export type FormVariable = {
  name: string
  title: string
  type: TemplateVariableType
  defaultValue: string
  isRequired: boolean
  isEditable: boolean
  minimum: number | null
  maximum: number | null
  minLength: number | null
  maxLength: number | null
  pattern: string | null
  choices: readonly string[] | null
}
export type FormTemplate = {
  id: string
  recommended: { memoryMiB: number; cpuPercent: number; diskMiB: number }
  ports: readonly { name: string }[]
  variables: readonly FormVariable[]
}

/** Everything is kept as typed: input is never lost, not even wrong input. */
export type CreateForm = {
  templateId: string
  name: string
  ownerId: string
  nodeId: string
  /** What the api's choice of a node is limited to; they count for nothing when a node is chosen. */
  location: string
  tags: readonly string[]
  memoryMiB: string
  cpuPercent: string
  diskMiB: string
  /** Port numbers by name; empty: the next free one. */
  ports: Record<string, string>
  variables: Record<string, string>
  start: boolean
}

/** A rule that a field breaks: key of its text and what the text names. */
export type FieldProblem = { key: string; named: Record<string, string | number> }

export const limitKeys = ['memoryMiB', 'cpuPercent', 'diskMiB'] as const
const LIMIT_RANGES = { memoryMiB: [16, 4_194_304], cpuPercent: [10, 102_400], diskMiB: [16, 1_073_741_824] } as const

const isWhole = (text: string) => /^-?\d{1,15}$/.test(text.trim())

/** What is wrong with a variable's value by the template's rules; null when nothing is. */
export function variableProblem(variable: FormVariable, value: string): FieldProblem | null {
  if (value === '') return variable.isRequired ? { key: 'field.required', named: {} } : null
  if (variable.type === 'INTEGER') {
    if (!isWhole(value)) return { key: 'field.number', named: {} }
    if (variable.minimum !== null && Number(value) < variable.minimum) return { key: 'field.minimum', named: { minimum: variable.minimum } }
    if (variable.maximum !== null && Number(value) > variable.maximum) return { key: 'field.maximum', named: { maximum: variable.maximum } }
  }
  if (variable.minLength !== null && value.length < variable.minLength)
    return { key: 'field.minLength', named: { length: variable.minLength } }
  if (variable.maxLength !== null && value.length > variable.maxLength)
    return { key: 'field.maxLength', named: { length: variable.maxLength } }
  if (variable.pattern !== null) {
    try {
      if (!new RegExp(`^(?:${variable.pattern})$`, 'u').test(value)) return { key: 'field.pattern', named: { pattern: variable.pattern } }
    } catch {
      // The api judges patterns that the browser cannot read.
    }
  }
  return null
}

/** What is wrong with a limit as typed; null when nothing is. */
export function limitProblem(key: (typeof limitKeys)[number], text: string): FieldProblem | null {
  const [minimum, maximum] = LIMIT_RANGES[key]
  if (!isWhole(text)) return { key: 'field.number', named: {} }
  if (Number(text) < minimum) return { key: 'field.minimum', named: { minimum } }
  return Number(text) > maximum ? { key: 'field.maximum', named: { maximum } } : null
}

/** Problems by field path, such as `name` or `variables.MAP`. */
export function formProblems(form: CreateForm, template: FormTemplate | null): Record<string, FieldProblem> {
  const problems: Record<string, FieldProblem> = {}
  if (template === null) problems['templateId'] = { key: 'serverCreate.chooseGame', named: {} }
  const name = form.name.trim()
  if (name === '') problems['name'] = { key: 'field.required', named: {} }
  else if (Array.from(name).length > 64) problems['name'] = { key: 'field.maxLength', named: { length: 64 } }
  for (const key of limitKeys) {
    const problem = limitProblem(key, form[key])
    if (problem !== null) problems[key] = problem
  }
  const taken = new Map<string, string>()
  for (const port of template?.ports ?? []) {
    const value = form.ports[port.name]?.trim() ?? ''
    if (value === '') continue
    const path = `ports.${port.name}`
    if (!isWhole(value)) problems[path] = { key: 'field.number', named: {} }
    else if (Number(value) < 1 || Number(value) > 65_535) problems[path] = { key: 'field.port', named: {} }
    else if (taken.has(value)) problems[path] = { key: 'serverCreate.portTwice', named: { port: value } }
    taken.set(value, port.name)
  }
  for (const variable of template?.variables ?? []) {
    const problem = variable.isEditable ? variableProblem(variable, form.variables[variable.name] ?? '') : null
    if (problem !== null) problems[`variables.${variable.name}`] = problem
  }
  return problems
}

/** The form as the api wants it. Ports are named only when a number was typed; then all the others are left to the api too. */
export function toInput(form: CreateForm, template: FormTemplate, idempotencyKey: string): CreateServerInput {
  const ports = template.ports.flatMap(({ name }) => {
    const port = form.ports[name]?.trim() ?? ''
    return port === '' ? [] : [{ name, port: Number(port) }]
  })
  return {
    templateId: template.id,
    name: form.name.trim(),
    memoryMiB: Number(form.memoryMiB),
    cpuPercent: Number(form.cpuPercent),
    diskMiB: Number(form.diskMiB),
    variables: template.variables.filter(({ isEditable }) => isEditable).map(({ name }) => ({ name, value: form.variables[name] ?? '' })),
    start: form.start,
    idempotencyKey,
    ...(form.ownerId !== '' && { ownerId: form.ownerId }),
    ...(form.nodeId !== ''
      ? { nodeId: form.nodeId }
      : { ...(form.location !== '' && { location: form.location }), ...(form.tags.length > 0 && { tags: [...form.tags] }) }),
    ...(ports.length > 0 && { ports }),
  }
}

/**
 * The field of the form that an api path means: `['input', 'ports', '0', 'port']` is `ports.<name of port 0>`. Unknown paths
 * answer as they are, so that no message is lost.
 */
export function fieldOfPath(path: readonly string[], input: CreateServerInput): string {
  const [head = '', second = ''] = path[0] === 'input' ? path.slice(1) : path
  const rest = path[0] === 'input' ? path.slice(1) : path
  if (head === 'ports' || head === 'variables') {
    const entry = /^\d+$/.test(second) ? input[head]?.[Number(second)]?.name : second
    return entry === undefined || entry === '' ? head : `${head}.${entry}`
  }
  return head === '' ? rest.join('.') : head
}
