import { GraphQLError, Kind, type ValueNode } from 'graphql'
import { builder } from './builder.ts'

const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/

/** @throws GraphQLError for what is no RFC 3339 time with a zone */
function parseDateTime(value: unknown): Date {
  const date = typeof value === 'string' && DATE_TIME.test(value) ? new Date(value) : null
  if (date === null || Number.isNaN(date.getTime())) throw new GraphQLError('A DateTime is a text such as 2026-01-31T12:00:00.000Z.')
  return date
}

/** @throws GraphQLError for what JSON numbers cannot carry exactly */
function parseSafeInt(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new GraphQLError('A SafeInt is an integer within ±(2^53-1).')
  return Number(value)
}

function literalText(node: ValueNode): string | null {
  return node.kind === Kind.STRING || node.kind === Kind.INT ? node.value : null
}

builder.scalarType('DateTime', {
  description: 'A point in time: UTC with milliseconds, RFC 3339.',
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
  parseLiteral: (node) => parseDateTime(literalText(node)),
})

builder.scalarType('SafeInt', {
  description: 'An integer within ±(2^53-1), a JSON number: positions, bytes, counters.',
  serialize: (value) => parseSafeInt(Number(value)),
  parseValue: parseSafeInt,
  parseLiteral: (node) => parseSafeInt(node.kind === Kind.INT ? Number(node.value) : null),
})
