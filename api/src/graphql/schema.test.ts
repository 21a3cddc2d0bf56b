import { readFileSync } from 'node:fs'
import path from 'node:path'
import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  lexicographicSortSchema,
  printSchema,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { agentSchema } from '../agent-gateway/agent-schema.ts'
import { isPermission } from '../lib/permissions.ts'
import { buildSchema } from './schema.ts'

/** Root fields that need nobody signed in. A field comes onto this list on purpose, never by being forgotten. */
const PUBLIC = {
  api: ['Mutation.signIn', 'Query.viewer'],
  agent: ['Mutation.enrolNode', 'Mutation.signIn', 'Query.signInChallenge'],
}

const schemas = { api: buildSchema(), agent: agentSchema }

type Scopes = Readonly<Record<string, unknown>>

/** Every root field with the scopes it was declared with; null when it has none. */
function rootFields(schema: GraphQLSchema): { name: string; scopes: Scopes | null }[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(
    (root): root is GraphQLObjectType => root != null,
  )
  return roots.flatMap((root) =>
    Object.values(root.getFields()).map((field) => {
      const options = field.extensions['pothosOptions'] as { authScopes?: unknown } | undefined
      const scopes = options?.authScopes
      return { name: `${root.name}.${field.name}`, scopes: typeof scopes === 'object' && scopes !== null ? (scopes as Scopes) : null }
    }),
  )
}

describe.each(Object.entries(schemas))('schema %s', (name, schema) => {
  const fields = rootFields(schema)

  it('has a rule on every root field', () => {
    expect(fields.length).toBeGreaterThan(0)
    expect(fields.filter((field) => field.scopes === null || Object.keys(field.scopes).length === 0).map((field) => field.name)).toEqual([])
  })

  it('is public only where it says so here', () => {
    const open = fields.filter((field) => field.scopes?.['public'] !== undefined).map((field) => field.name)
    expect(open.sort()).toEqual(PUBLIC[name as keyof typeof PUBLIC])
  })

  it('equals the committed file', () => {
    const file = path.resolve(import.meta.dirname, `../../../schema/${name}.graphql`)
    expect(`${printSchema(lexicographicSortSchema(schema))}\n`, 'run npm run codegen').toBe(readFileSync(file, 'utf8'))
  })
})

describe('public schema', () => {
  it('asks for permissions that exist', () => {
    const asked = rootFields(schemas.api).flatMap(({ scopes }) =>
      scopes?.['permission'] === undefined ? [] : [scopes['permission'] as string],
    )
    expect(asked.filter((permission) => !isPermission(permission))).toEqual([])
  })

  it('answers every mutation with a union of its own, whose errors all have message and code', () => {
    for (const field of Object.values(schemas.api.getMutationType()?.getFields() ?? {})) {
      const result = String(field.type)
      expect(result).toBe(`${field.name.charAt(0).toUpperCase()}${field.name.slice(1)}Result!`)
    }
    // FieldError is a part of an error.
    const names = Object.keys(schemas.api.getTypeMap()).filter(
      (name) => name.endsWith('Error') && name !== 'Error' && name !== 'FieldError',
    )
    const implementing = schemas.api.getPossibleTypes(schemas.api.getType('Error') as GraphQLInterfaceType).map((type) => type.name)
    expect(implementing.sort()).toEqual(names.sort())
  })

  it('shares executions only of types whose fields look at nothing but the event', () => {
    const seen = new Set<GraphQLNamedType>()
    const dependent: string[] = []
    const walk = (type: GraphQLNamedType) => {
      if (seen.has(type)) return
      seen.add(type)
      if (isInterfaceType(type) || isUnionType(type)) for (const possible of schemas.api.getPossibleTypes(type)) walk(possible)
      if (!isObjectType(type)) return
      type Options = { authScopes?: unknown; runScopesOnType?: unknown; resolve?: (...args: unknown[]) => unknown } | undefined
      const optionsOf = (extensions: Readonly<Record<string, unknown>>) => extensions['pothosOptions'] as Options
      if (optionsOf(type.extensions)?.authScopes !== undefined || optionsOf(type.extensions)?.runScopesOnType !== undefined)
        dependent.push(type.name)
      for (const field of Object.values(type.getFields())) {
        const options = optionsOf(field.extensions)
        // A resolver with a third parameter looks at who asks.
        if (options?.authScopes !== undefined || (options?.resolve?.length ?? 0) > 2) dependent.push(`${type.name}.${field.name}`)
        walk(getNamedType(field.type))
      }
    }
    const live = Object.values(schemas.api.getSubscriptionType()?.getFields() ?? {}).filter((field) => field.extensions['isLive'] === true)
    for (const field of live) walk(getNamedType(field.type))
    expect(live.map((field) => field.name)).toEqual(['consoleEvents'])
    expect([...seen].map((type) => type.name)).toContain('ConsoleChunk')
    expect(dependent).toEqual([])
  })

  it('takes one argument, input, in every mutation but signOut', () => {
    for (const field of Object.values(schemas.api.getMutationType()?.getFields() ?? {})) {
      const names = field.args.map((argument) => argument.name)
      expect(names, field.name).toEqual(field.name === 'signOut' ? [] : ['input'])
    }
  })
})
