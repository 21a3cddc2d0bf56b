import { Ajv2020 } from 'ajv/dist/2020.js'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseDocument, visit } from 'yaml'
import { TemplateInvalidError, type FieldProblem } from '../../lib/errors.ts'
import { problemOfPattern } from './pattern-safety.ts'
import { BUILT_IN_VARIABLES, placeholdersIn, portVariable } from './substitute.ts'
import type { TemplatePort, TemplateSpec, TemplateVariable } from './template-spec.ts'
import { problemOfValue } from './variable-rules.ts'

/** Folder of the bundled templates and of the JSON Schema that all obey. */
export const TEMPLATES_FOLDER = path.resolve(import.meta.dirname, '../../../../templates')

const LARGEST_SOURCE = 256 * 1024
const schema = JSON.parse(readFileSync(path.join(TEMPLATES_FOLDER, 'template.schema.json'), 'utf8')) as object
const isTemplate = new Ajv2020({ allErrors: true, useDefaults: true, strict: false }).compile<RawTemplate>(schema)

type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>

/** What the JSON Schema has passed: the defaults that it cannot give are not there yet. */
type RawTemplate = Optional<Omit<TemplateSpec, 'image' | 'ports' | 'variables'>, 'summary' | 'recommended' | 'environment'> & {
  image: { debian: Optional<TemplateSpec['image']['debian'], 'remove' | 'keep'> }
  ports: Optional<TemplatePort, 'summary' | 'primary'>[]
  variables?: Optional<TemplateVariable, 'summary' | 'default'>[]
}

const problem = (path_: string[], message: string, code = 'INVALID'): FieldProblem => ({ path: path_, message, code })

/** YAML counts nested collections by recursion: what is nested deeper than any template is refused before it is read. */
const DEEPEST_NESTING = 64

/** Upper bound of the nesting that one line or bracket run can open. */
function isTooDeep(source: string): boolean {
  let depth = 0
  for (const character of source) {
    if (character === '[' || character === '{') depth += 1
    else if (character === ']' || character === '}') depth = Math.max(0, depth - 1)
    if (depth > DEEPEST_NESTING) return true
  }
  return (
    new RegExp(`^[ \\t]*(?:[-?:][ \\t]+){${String(DEEPEST_NESTING)}}`, 'm').test(source) ||
    new RegExp(`^ {${String(DEEPEST_NESTING * 8)}}`, 'm').test(source)
  )
}

function read(source: string): unknown {
  if (Buffer.byteLength(source) > LARGEST_SOURCE)
    throw new TemplateInvalidError([problem([], `is larger than ${String(LARGEST_SOURCE / 1024)} KiB`, 'TOO_LONG')])
  if (source.includes('\0')) throw new TemplateInvalidError([problem([], 'has a NUL character')])
  if (isTooDeep(source)) throw new TemplateInvalidError([problem([], 'is nested too deeply', 'TOO_DEEP')])
  try {
    // JSON is YAML. Aliases are not needed, and could grow without bounds.
    const document = parseDocument(source, { uniqueKeys: true, strict: true, prettyErrors: true })
    const [error] = document.errors
    if (error !== undefined) throw new TemplateInvalidError([problem([], error.message.split('\n')[0] ?? 'is no YAML')])
    const found = { isAlias: false }
    visit(document, {
      Alias() {
        found.isAlias = true
        return visit.BREAK
      },
    })
    if (found.isAlias) throw new TemplateInvalidError([problem([], 'uses YAML aliases, which templates may not')])
    return document.toJS({ maxAliasCount: 0 }) as unknown
  } catch (error) {
    if (error instanceof TemplateInvalidError) throw error
    throw new TemplateInvalidError([problem([], 'is no YAML')])
  }
}

function fillDefaults(spec: RawTemplate): TemplateSpec {
  const hasPrimary = spec.ports.some((port) => port.primary)
  return {
    ...spec,
    summary: spec.summary ?? '',
    recommended: spec.recommended ?? { memoryMiB: 1024, cpuPercent: 100, diskMiB: 2048 },
    image: { debian: { packages: spec.image.debian.packages, remove: spec.image.debian.remove ?? [], keep: spec.image.debian.keep ?? [] } },
    environment: spec.environment ?? {},
    ports: spec.ports.map((port, index) => ({
      ...port,
      summary: port.summary ?? '',
      primary: hasPrimary ? port.primary === true : index === 0,
    })),
    variables: (spec.variables ?? []).map((variable) => ({
      ...variable,
      summary: variable.summary ?? '',
      default: variable.default ?? '',
    })),
  }
}

/** Rules that JSON Schema cannot say. */
function semanticProblems(spec: TemplateSpec): FieldProblem[] {
  const problems: FieldProblem[] = []
  const repeated = (names: string[], path_: string) => {
    for (const [index, name] of names.entries())
      if (names.indexOf(name) !== index) problems.push(problem([path_, String(index), 'name'], `repeats ${name}`, 'DUPLICATE'))
  }
  repeated(
    spec.ports.map((port) => port.name),
    'ports',
  )
  repeated(
    spec.variables.map((variable) => variable.name),
    'variables',
  )
  if (spec.ports.filter((port) => port.primary).length > 1) problems.push(problem(['ports'], 'has more than one primary port'))
  const known = new Set<string>([
    ...BUILT_IN_VARIABLES,
    ...spec.ports.map((port) => portVariable(port.name)),
    ...spec.variables.map((variable) => variable.name),
  ])
  const check = (path_: string[], text: string) => {
    for (const name of placeholdersIn(text))
      if (!known.has(name)) problems.push(problem(path_, `uses {{${name}}}, which is no variable of it`, 'UNKNOWN_VARIABLE'))
  }
  for (const [index, text] of spec.startup.entries()) check(['startup', String(index)], text)
  for (const [name, text] of Object.entries(spec.environment)) check(['environment', name], text)
  if (spec.stop.command !== undefined) check(['stop', 'command'], spec.stop.command)
  if (spec.install !== undefined) check(['install', 'script'], spec.install.script)
  const readyProblem = spec.ready?.regex === undefined ? null : problemOfPattern(spec.ready.regex)
  if (readyProblem !== null) problems.push(problem(['ready', 'regex'], readyProblem))
  for (const [index, variable] of spec.variables.entries()) {
    const at = ['variables', String(index)]
    const patternProblem = variable.pattern === undefined ? null : problemOfPattern(variable.pattern)
    if (patternProblem !== null) problems.push(problem([...at, 'pattern'], patternProblem))
    else if (variable.type === 'choice' && variable.choices === undefined)
      problems.push(problem([...at, 'choices'], 'is missing', 'REQUIRED'))
    else if (variable.default !== '') {
      const bad = problemOfValue(variable, variable.default)
      if (bad !== null) problems.push(problem([...at, 'default'], bad.message, bad.code))
    }
  }
  return problems
}

/**
 * Reads the text of a template, YAML or JSON.
 * @throws TemplateInvalidError with the path of everything that is wrong
 */
export function parseTemplate(source: string): TemplateSpec {
  const value = read(source)
  if (!isTemplate(value)) {
    const problems = (isTemplate.errors ?? []).slice(0, 20).map((error) => {
      const detail = error.keyword === 'additionalProperties' ? ` (${String(error.params['additionalProperty'])})` : ''
      return problem(error.instancePath.split('/').slice(1), `${error.message ?? 'is not valid'}${detail}`, error.keyword.toUpperCase())
    })
    throw new TemplateInvalidError(problems)
  }
  const spec = fillDefaults(value)
  const problems = semanticProblems(spec)
  if (problems.length > 0) throw new TemplateInvalidError(problems)
  return spec
}
