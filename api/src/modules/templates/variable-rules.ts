import type { FieldProblem } from '../../lib/errors.ts'
import { matchesWhole } from './pattern-safety.ts'
import type { TemplateVariable } from './template-spec.ts'

type Problem = Pick<FieldProblem, 'message' | 'code'>

/** What is wrong with a value of a template variable; null when nothing is. */
export function problemOfValue(variable: TemplateVariable, value: string): Problem | null {
  const longest = variable.maxLength ?? 4096
  if (value.length > longest) return { code: 'TOO_LONG', message: `has at most ${String(longest)} characters` }
  // A line break or NUL could end an argument or a line of a configuration.
  if (/[\0\r\n]/.test(value)) return { code: 'INVALID', message: 'has no line breaks' }
  if (value === '') return variable.required ? { code: 'REQUIRED', message: 'is missing' } : null
  if (variable.minLength !== undefined && value.length < variable.minLength)
    return { code: 'TOO_SHORT', message: `has at least ${String(variable.minLength)} characters` }
  switch (variable.type) {
    case 'integer': {
      const number = Number(value)
      if (!/^-?\d{1,15}$/.test(value)) return { code: 'INVALID', message: 'is a whole number' }
      if (variable.minimum !== undefined && number < variable.minimum)
        return { code: 'TOO_SMALL', message: `is at least ${String(variable.minimum)}` }
      if (variable.maximum !== undefined && number > variable.maximum)
        return { code: 'TOO_BIG', message: `is at most ${String(variable.maximum)}` }
      return null
    }
    case 'boolean':
      return value === '0' || value === '1' ? null : { code: 'INVALID', message: 'is 0 or 1' }
    case 'choice':
      return variable.choices?.includes(value) === true
        ? null
        : { code: 'INVALID', message: `is one of ${(variable.choices ?? []).join(', ')}` }
    case 'string':
      return variable.pattern === undefined || matchesWhole(variable.pattern, value)
        ? null
        : { code: 'INVALID', message: `matches ${variable.pattern}` }
  }
}
