import { ApolloLink, Observable, type FetchResult, type Operation } from '@apollo/client/core'
import { getMainDefinition } from '@apollo/client/utilities'
import { OperationTypeNode } from 'graphql'
import { createNewest } from './newest.ts'

/** Where changes come without a pause the newest answer has to do. */
const MOST_ASKS = 3

function kindOf({ query }: Operation): OperationTypeNode | null {
  const definition = getMainDefinition(query)
  return 'operation' in definition ? definition.operation : null
}

/**
 * Keeps answers from undoing newer ones: a query that was on its way while a mutation was answered or an event came may have
 * been read before that change, and would put the old state back into the cache, for good. It is asked again; of objects that
 * tell their revision the newest is kept, whatever brought it.
 */
export function createFreshLink(): ApolloLink {
  let changes = 0
  const keepNewest = createNewest()
  return new ApolloLink((operation, forward) => {
    if (kindOf(operation) !== OperationTypeNode.QUERY)
      return forward(operation).map((result) => {
        changes += 1
        keepNewest(result.data)
        return result
      })
    return new Observable<FetchResult>((observer) => {
      let current: { unsubscribe(): void } | null = null
      let isEnded = false
      const ask = (asked: number) => {
        const seen = changes
        let isAskedAgain = false
        current = forward(operation).subscribe({
          next: (result) => {
            isAskedAgain = changes !== seen && asked < MOST_ASKS
            if (isAskedAgain) return
            keepNewest(result.data)
            observer.next(result)
          },
          error: (error) => {
            observer.error(error)
          },
          complete: () => {
            if (!isAskedAgain) observer.complete()
            else if (!isEnded) ask(asked + 1)
          },
        })
      }
      ask(1)
      return () => {
        isEnded = true
        current?.unsubscribe()
      }
    })
  })
}
