import { ApolloLink, execute, gql, Observable, type FetchResult } from '@apollo/client/core'
import { describe, expect, it } from 'vitest'
import { createFreshLink } from './fresh-link.ts'

const QUERY = gql`
  query {
    state
  }
`
const MUTATION = gql`
  mutation {
    change
  }
`

/** A link whose answers are given by hand, in the order they were asked for. */
function scene() {
  const asked: ((state: string) => void)[] = []
  const answers: unknown[] = []
  let isComplete = false
  const end = new ApolloLink(
    () =>
      new Observable<FetchResult>((observer) => {
        asked.push((state) => {
          observer.next({ data: { state } })
          observer.complete()
        })
      }),
  )
  const link = createFreshLink().concat(end)
  return {
    asked,
    answers,
    isComplete: () => isComplete,
    query: () =>
      execute(link, { query: QUERY }).subscribe({ next: ({ data }) => answers.push(data?.['state']), complete: () => (isComplete = true) }),
    change: () => {
      execute(link, { query: MUTATION }).subscribe({})
      asked.at(-1)?.('changed')
    },
  }
}

describe('the fresh link', () => {
  it('hands over what nothing overtook', () => {
    const { query, asked, answers, isComplete } = scene()
    query()
    asked[0]?.('old')
    expect(answers).toEqual(['old'])
    expect(isComplete()).toBe(true)
  })

  it('asks again what a change overtook, and shows only the newer answer', () => {
    const { query, change, asked, answers, isComplete } = scene()
    query()
    change()
    asked[0]?.('old')
    expect(answers).toEqual([])
    expect(isComplete()).toBe(false)
    asked[2]?.('new')
    expect(answers).toEqual(['new'])
    expect(isComplete()).toBe(true)
  })

  it('takes what there is when changes never pause', () => {
    const { query, change, asked, answers } = scene()
    query()
    for (const index of [0, 2, 4]) {
      change()
      asked[index]?.(`answer ${String(index)}`)
    }
    expect(answers).toEqual(['answer 4'])
  })

  it('does not ask again for somebody who has left', () => {
    const { query, change, asked } = scene()
    const subscription = query()
    change()
    subscription.unsubscribe()
    asked[0]?.('old')
    expect(asked).toHaveLength(2)
  })
})
