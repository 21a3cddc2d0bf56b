import { visit, BREAK, type DocumentNode } from 'graphql'

/** Whether a document asks for the schema itself (`__typename` does not). */
export function asksForSchema(document: DocumentNode): boolean {
  let isAsking = false
  visit(document, {
    Field(field) {
      if (field.name.value !== '__schema' && field.name.value !== '__type') return
      isAsking = true
      return BREAK
    },
  })
  return isAsking
}
