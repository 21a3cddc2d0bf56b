import { parse, validate, type DocumentNode, type GraphQLError, type GraphQLSchema, type Source } from 'graphql'

/** Of a document; the largest of an agent has a tenth. */
const MOST_TOKENS = 2000
const MOST_DOCUMENTS = 100
const LONGEST_DOCUMENT = 8 * 1024

/**
 * Agents say the same few documents thousands of times: each is parsed and validated once. Bounded, because what comes before
 * sign-in is anybody's.
 */
export function createKnownDocuments() {
  const documents = new Map<string, DocumentNode>()
  const problems = new WeakMap<DocumentNode, readonly GraphQLError[]>()
  return {
    /** @throws GraphQLError when it is no document */
    parse(source: string | Source): DocumentNode {
      if (typeof source !== 'string') return parse(source, { maxTokens: MOST_TOKENS })
      const known = documents.get(source)
      if (known !== undefined) return known
      const document = parse(source, { maxTokens: MOST_TOKENS })
      if (source.length > LONGEST_DOCUMENT) return document
      // The oldest goes first.
      if (documents.size >= MOST_DOCUMENTS) documents.delete(documents.keys().next().value ?? source)
      documents.set(source, document)
      return document
    },
    validate(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] {
      const known = problems.get(document)
      if (known !== undefined) return known
      const found = validate(schema, document)
      problems.set(document, found)
      return found
    },
  }
}
