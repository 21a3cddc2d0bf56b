import { buildSchema, parse, validate } from 'graphql'
import { describe, expect, it } from 'vitest'
import { asksForSchema } from './introspection.ts'
import { limitsRule } from './limits-rule.ts'

const schema = buildSchema('type Query { a: Query b: Int }')
const problems = (query: string) => validate(schema, parse(query), [limitsRule]).map((error) => error.message)

describe('limitsRule', () => {
  it('takes an ordinary operation', () => {
    expect(problems('query ($x: Boolean = true) { a { b @include(if: $x) c: b ...F } } fragment F on Query { b }')).toEqual([])
  })
  it('bounds depth, also through fragments', () => {
    expect(problems(`{ ${'a { '.repeat(17)} b ${'} '.repeat(17)} }`)).toEqual(['The operation is too large: more than 16 levels.'])
    const chain = Array.from(
      { length: 20 },
      (_, index) => `fragment F${index} on Query { a { ${index === 19 ? 'b' : `...F${index + 1}`} } }`,
    )
    expect(problems(`{ ...F0 } ${chain.join(' ')}`)).toEqual(['The operation is too large: more than 16 levels.'])
  })
  it('bounds aliases and directives', () => {
    expect(problems(`{ ${Array.from({ length: 31 }, (_, index) => `x${index}: b`).join(' ')} }`)).toEqual([
      'The operation is too large: more than 30 aliases.',
    ])
    expect(problems(`{ b ${'@skip(if: false) '.repeat(31)} }`)).toEqual(['The operation is too large: more than 30 directives.'])
  })
  it('refuses fragments that double each other without walking them all', () => {
    const doubling = Array.from(
      { length: 60 },
      (_, index) => `fragment F${index} on Query { ${index === 59 ? 'b' : `...F${index + 1} ...F${index + 1}`} }`,
    )
    const started = performance.now()
    expect(problems(`{ ...F0 } ${doubling.join(' ')}`)).toEqual(['The operation is too large: more than 1000 fields.'])
    expect(performance.now() - started).toBeLessThan(1_000)
  })
  it('is not caught in cycles', () => {
    expect(problems('{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }')).toEqual([])
  })
})

describe('asksForSchema', () => {
  it('sees introspection behind aliases and fragments, and lets __typename pass', () => {
    expect(asksForSchema(parse('{ x: __schema { types { name } } }'))).toBe(true)
    expect(asksForSchema(parse('{ ...F } fragment F on Query { __type(name: "Query") { name } }'))).toBe(true)
    expect(asksForSchema(parse('{ __typename }'))).toBe(false)
  })
})
