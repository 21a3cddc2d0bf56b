import { z } from 'zod'
import { ValidationError, type FieldProblem } from '../../lib/errors.ts'
import type { TemplateSpec } from '../templates/template-spec.ts'
import { problemOfValue } from '../templates/variable-rules.ts'

// Bounds of what one server may ask for; nodes decide what fits.
const MEMORY_MIB = { least: 16, most: 4_194_304 }
const CPU_PERCENT = { least: 10, most: 102_400 }
const DISK_MIB = { least: 16, most: 1_073_741_824 }
const MOST_VARIABLES = 128
const MOST_PORTS = 16

const text = (most: number) =>
  z
    .string()
    .refine((value) => !value.includes('\0'), 'has no NUL')
    .max(most)
const amount = ({ least, most }: { least: number; most: number }) =>
  z
    .int()
    .min(least, `is at least ${String(least)}`)
    .max(most, `is at most ${String(most)}`)

export const createServerInput = z.object({
  name: text(256)
    .transform((name) => name.trim())
    .pipe(z.string().min(1, 'is missing').max(64, 'has at most 64 characters')),
  templateId: z.uuid('is no template'),
  nodeId: z.uuid('is no node').nullish(),
  ownerId: z.uuid('is no user').nullish(),
  memoryMiB: amount(MEMORY_MIB),
  cpuPercent: amount(CPU_PERCENT),
  diskMiB: amount(DISK_MIB),
  ports: z
    .array(z.object({ name: text(64), ip: z.ipv4('is no address').nullish(), port: z.int().min(1).max(65_535) }))
    .max(MOST_PORTS)
    .nullish(),
  variables: z
    .array(z.object({ name: text(64), value: text(8192) }))
    .max(MOST_VARIABLES)
    .nullish(),
  start: z.boolean().nullish(),
  idempotencyKey: z.string().nullish(),
})

export type CreateServerInput = z.output<typeof createServerInput>

/**
 * Values of all variables of a template: those given, else the defaults.
 * @throws ValidationError for unknown, repeated, locked and wrong ones
 */
export function variableValues(spec: TemplateSpec, given: readonly { name: string; value: string }[]): Map<string, string> {
  const problems: FieldProblem[] = []
  const values = new Map(spec.variables.map((variable) => [variable.name, variable.default]))
  const seen = new Set<string>()
  for (const [index, { name, value }] of given.entries()) {
    const at = (field: string, code: string, message: string) => problems.push({ path: ['variables', String(index), field], code, message })
    const variable = spec.variables.find((known) => known.name === name)
    if (variable === undefined) at('name', 'UNKNOWN', 'is no variable of this template')
    else if (seen.has(name)) at('name', 'DUPLICATE', 'is given twice')
    else if (!variable.isEditable && value !== variable.default) at('value', 'LOCKED', 'cannot be changed')
    else {
      const problem = problemOfValue(variable, value)
      if (problem !== null) at('value', problem.code, problem.message)
      values.set(name, value)
    }
    seen.add(name)
  }
  for (const variable of spec.variables) {
    if (variable.required && values.get(variable.name) === '')
      problems.push({ path: ['variables'], code: 'REQUIRED', message: `${variable.name} is missing` })
  }
  if (problems.length > 0) throw new ValidationError(problems)
  return values
}
