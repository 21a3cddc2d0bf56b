import { gql, InMemoryCache } from '@apollo/client/core'
import { describe, expect, it } from 'vitest'
import { appendPage, growHistory } from './page-merge.ts'

const DOCUMENT = gql`
  query ($after: String) {
    history(after: $after) {
      nodes {
        id
      }
      pageInfo {
        endCursor
      }
    }
  }
`
function reader(merge: typeof appendPage) {
  const cache = new InMemoryCache({ typePolicies: { Query: { fields: { history: { keyArgs: [], merge } } } } })
  return (ids: readonly number[], after: string | null = null) => {
    const nodes = ids.map((id) => ({ __typename: 'Entry', id: String(id) }))
    const history = { __typename: 'Page', nodes, pageInfo: { __typename: 'PageInfo', endCursor: String(ids.at(-1)) } }
    cache.writeQuery({ query: DOCUMENT, variables: { after }, data: { history } })
    const read = cache.readQuery<{ history: { nodes: { id: string }[]; pageInfo: { endCursor: string } } }>({ query: DOCUMENT })
    return [...(read?.history.nodes.map(({ id }) => Number(id)) ?? []), `to ${read?.history.pageInfo.endCursor ?? ''}`]
  }
}

describe('pages of a list', () => {
  it('follow each other, and begin anew with the first', () => {
    const page = reader(appendPage)
    page([1, 2])
    expect(page([3, 4], '2')).toEqual([1, 2, 3, 4, 'to 4'])
    expect(page([1, 2])).toEqual([1, 2, 'to 2'])
  })
})

describe('pages of a history', () => {
  it('keep what was read below the first', () => {
    const page = reader(growHistory)
    page([9, 8])
    page([7, 6], '8')
    expect(page([10, 9])).toEqual([10, 9, 8, 7, 6, 'to 6'])
  })

  it('begin anew when more than a page came', () => {
    const page = reader(growHistory)
    page([9, 8])
    expect(page([12, 11])).toEqual([12, 11, 'to 11'])
  })

  it('know their end when nothing older was read', () => {
    const page = reader(growHistory)
    page([9, 8])
    expect(page([9, 8])).toEqual([9, 8, 'to 8'])
  })
})
