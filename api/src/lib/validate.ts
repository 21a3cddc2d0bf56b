import type { z } from 'zod'
import { ValidationError } from './errors.ts'

/**
 * The parsed input.
 * @throws ValidationError with the path of every field that breaks its rules
 */
export function validate<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw new ValidationError(
    parsed.error.issues.map((issue) => ({ path: issue.path.map(String), message: issue.message, code: issue.code.toUpperCase() })),
  )
}
