import { buildSchema } from 'graphql'
import { expect, it } from 'vitest'
import { createKnownDocuments } from './known-documents.ts'

const schema = buildSchema('type Query { a: Int }')

it('parses and validates a document once', () => {
  const known = createKnownDocuments()
  const document = known.parse('{ a }')
  expect(known.parse('{ a }')).toBe(document)
  expect(known.validate(schema, document)).toBe(known.validate(schema, document))
  expect(known.validate(schema, document)).toEqual([])
  expect(known.validate(schema, known.parse('{ b }'))).toHaveLength(1)
  expect(() => known.parse('{')).toThrow('Syntax Error')
})

it('remembers neither very long documents nor very many', () => {
  const known = createKnownDocuments()
  const long = `{ a } #${'x'.repeat(9000)}`
  expect(known.parse(long)).not.toBe(known.parse(long))
  const first = known.parse('{ a }')
  for (let index = 0; index < 100; index += 1) known.parse(`{ a${String(index)} }`)
  expect(known.parse('{ a }')).not.toBe(first)
})
