import { ApolloError } from '@apollo/client/core'
import { DefaultApolloClient } from '@vue/apollo-composable'
import { describe, expect, it } from 'vitest'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { inApp } from '../test-app.ts'
import { useMutate } from './use-mutate.ts'

const ANY = {} as TypedDocumentNode<object, Record<string, never>>
async function outcomeOf(answer: () => Promise<{ data: unknown }>) {
  const { result: mutate } = await inApp(useMutate, [[DefaultApolloClient, { mutate: answer }]])
  return mutate(ANY, {})
}

describe('useMutate', () => {
  it('hands over what was taken', async () => {
    const data = { updateNode: { __typename: 'UpdateNodeSuccess', node: { id: '1' } } }
    expect(await outcomeOf(() => Promise.resolve({ data }))).toEqual({ isTaken: true, data })
  })

  it('tells refusals in words, and fields by their path', async () => {
    const updateNode = {
      __typename: 'ValidationError',
      code: 'VALIDATION',
      message: 'The input breaks rules.',
      fields: [
        { path: ['input', 'name'], message: 'is taken', code: 'TAKEN' },
        { path: ['restartPolicy', 'windowSeconds'], message: 'is too small', code: 'MINIMUM' },
      ],
    }
    expect(await outcomeOf(() => Promise.resolve({ data: { updateNode } }))).toEqual({
      isTaken: false,
      text: 'The input breaks rules.',
      fields: { name: 'is taken', 'restartPolicy.windowSeconds': 'is too small' },
    })
    const gone = { code: 'NOT_FOUND', message: 'The node does not exist.' }
    expect(await outcomeOf(() => Promise.resolve({ data: { deleteNode: gone } }))).toMatchObject({ text: 'It is not there any more.' })
  })

  it('says that the api is away instead of how', async () => {
    const away = new ApolloError({ networkError: new Error('ECONNREFUSED') })
    expect(await outcomeOf(() => Promise.reject(away))).toEqual({
      isTaken: false,
      text: 'The api did not answer. Running games are not affected.',
      fields: {},
    })
  })
})
