import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADMINISTRATOR, startApi, type TestApi } from '../support/api.ts'

const SIGN_IN = `mutation ($input: SignInInput!) {
  signIn(input: $input) { __typename ... on RateLimitedError { retryAfterSeconds } }
}`

type Answer = { __typename: string; retryAfterSeconds?: number }

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.dispose())

async function signIn(input: { email: string; password: string }, headers: Record<string, string> = {}): Promise<Answer> {
  const body = JSON.stringify({ query: SIGN_IN, variables: { input } })
  const response = await fetch(`${api.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
  return ((await response.json()) as { data: { signIn: Answer } }).data.signIn
}

describe('sign-in limits', () => {
  it('stop guessing at one account, also when guesses come at once, and let its neighbours in', async () => {
    expect((await signIn(ADMINISTRATOR)).__typename).toBe('SignInSuccess')
    const guesses = await Promise.all(Array.from({ length: 20 }, () => signIn({ email: 'target@example.test', password: 'wrong' })))
    const refused = guesses.filter((answer) => answer.__typename === 'RateLimitedError')
    expect(refused).toHaveLength(10)
    expect(refused[0]?.retryAfterSeconds).toBeGreaterThan(0)
    expect((await signIn(ADMINISTRATOR)).__typename).toBe('SignInSuccess')
  })

  it('do not believe X-Forwarded-For', async () => {
    const answers: string[] = []
    for (let index = 0; index < 12; index += 1) {
      const input = { email: 'other@example.test', password: 'wrong' }
      answers.push((await signIn(input, { 'x-forwarded-for': `203.0.113.${String(index)}` })).__typename)
    }
    expect(answers).toContain('RateLimitedError')
  })

  it('stop one address that goes through many accounts, but not who signed in from it before', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => signIn({ email: `${String(index)}@example.test`, password: 'wrong' })),
    )
    expect(answers.map((answer) => answer.__typename)).toContain('RateLimitedError')
    expect((await signIn(ADMINISTRATOR)).__typename).toBe('SignInSuccess')
  })
})
