import { z } from 'zod'
import { ValidationError, type FieldProblem } from '../../lib/errors.ts'
import { isStopSignal } from '../../lib/signals.ts'
import { cpuset } from './cpuset.ts'
import { location, tags } from '../nodes/node-input.ts'
import type { TemplateSpec } from '../templates/template-spec.ts'
import { problemOfValue } from '../templates/variable-rules.ts'

// Bounds of what one server may ask for; nodes decide what fits.
const MEMORY_MIB = { least: 16, most: 4_194_304 }
const CPU_PERCENT = { least: 10, most: 102_400 }
const DISK_MIB = { least: 16, most: 1_073_741_824 }
const MOST_VARIABLES = 128
const MOST_PORTS = 16
const MOST_EXIT_CODES = 32

const text = (most: number) =>
  z
    .string()
    .refine((value) => !value.includes('\0') && value.isWellFormed(), 'has no NUL and no half characters')
    .max(most)
const amount = ({ least, most }: { least: number; most: number }) =>
  z
    .int()
    .min(least, `is at least ${String(least)}`)
    .max(most, `is at most ${String(most)}`)

const serverName = text(256)
  .transform((name) => name.trim())
  .pipe(z.string().min(1, 'is missing').max(64, 'has at most 64 characters'))
const variables = z.array(z.object({ name: text(64), value: text(8192) })).max(MOST_VARIABLES)

export const createServerInput = z
  .object({
    name: serverName,
    templateId: z.uuid('is no template'),
    nodeId: z.uuid('is no node').nullish(),
    location: location.nullish(),
    tags: tags.nullish(),
    ownerId: z.uuid('is no user').nullish(),
    memoryMiB: amount(MEMORY_MIB),
    cpuPercent: amount(CPU_PERCENT),
    cpuset: cpuset.nullish(),
    diskMiB: amount(DISK_MIB),
    ports: z
      .array(z.object({ name: text(64), ip: z.ipv4('is no address').nullish(), port: z.int().min(1).max(65_535) }))
      .max(MOST_PORTS)
      .nullish(),
    variables: variables.nullish(),
    start: z.boolean().nullish(),
    idempotencyKey: z.string().nullish(),
  })
  // A wish that is not followed is refused, not passed over.
  .refine(({ nodeId, location: place }) => !nodeId || !place, { path: ['location'], message: 'is for a server without a chosen node' })
  .refine(({ nodeId, tags: wanted }) => !nodeId || !wanted?.length, { path: ['tags'], message: 'are for a server without a chosen node' })

export type CreateServerInput = z.output<typeof createServerInput>

const stopTime = z.int().min(1, 'is at least 1').max(3600, 'is at most 3600')

export const updateServerInput = z.object({
  id: z.string(),
  name: serverName.nullish(),
  memoryMiB: amount(MEMORY_MIB).nullish(),
  cpuPercent: amount(CPU_PERCENT).nullish(),
  cpuset: cpuset.nullish(),
  diskMiB: amount(DISK_MIB).nullish(),
  restartPolicy: z
    .object({
      policy: z.enum(['ALWAYS', 'ON_FAILURE', 'NEVER']).nullish(),
      cleanExitCodes: z.array(z.int().min(0).max(255)).max(MOST_EXIT_CODES).nullish(),
      maximumRestarts: z.int().min(0).max(1000).nullish(),
      windowSeconds: z.int().min(10).max(86_400).nullish(),
    })
    .nullish(),
  bootPolicy: z.enum(['RESTORE', 'ALWAYS', 'NEVER']).nullish(),
  stop: z
    .object({
      command: z
        .string()
        .min(1, 'is missing')
        .max(1024)
        .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'has no control characters and no half ones')
        .nullish(),
      signal: z.string().refine(isStopSignal, 'is no signal of POSIX, nor ^C').nullish(),
      timeoutSeconds: stopTime.nullish(),
    })
    .refine(({ command, signal }) => command == null || signal == null, {
      path: ['signal'],
      message: 'is not given together with a command',
    })
    .nullable()
    .optional(),
  variables: variables.nullish(),
  idempotencyKey: z.string().nullish(),
})

export type UpdateServerInput = z.output<typeof updateServerInput>

/**
 * Values of all variables of a template: those given, else the current ones, else the defaults.
 * @throws ValidationError for unknown, repeated, locked and wrong ones
 */
export function variableValues(
  spec: TemplateSpec,
  given: readonly { name: string; value: string }[],
  current: readonly { name: string; value: string }[] = [],
): Map<string, string> {
  const problems: FieldProblem[] = []
  const values = new Map(spec.variables.map((variable) => [variable.name, variable.default]))
  for (const { name, value } of current) if (values.has(name)) values.set(name, value)
  const seen = new Set<string>()
  for (const [index, { name, value }] of given.entries()) {
    const at = (field: string, code: string, message: string) => problems.push({ path: ['variables', String(index), field], code, message })
    const variable = spec.variables.find((known) => known.name === name)
    if (variable === undefined) at('name', 'UNKNOWN', 'is no variable of this template')
    else if (seen.has(name)) at('name', 'DUPLICATE', 'is given twice')
    else if (!variable.isEditable && value !== values.get(name)) at('value', 'LOCKED', 'cannot be changed')
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
