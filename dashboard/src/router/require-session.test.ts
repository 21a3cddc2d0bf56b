import { describe, expect, it } from 'vitest'
import type { RouteLocationNormalized } from 'vue-router'
import { requireSession, safeNext } from './require-session.ts'

const to = (name: string, fullPath: string, query = {}) => ({ name, fullPath, query, meta: {} }) as unknown as RouteLocationNormalized
const signedIn = { load: async () => ({ id: '1' }) }
const nobody = { load: async () => null }

describe('requireSession', () => {
  it('sends strangers to the sign-in and remembers where they wanted to go', async () => {
    expect(await requireSession(nobody, to('servers', '/servers?state=running'))).toEqual({
      name: 'sign-in',
      query: { next: '/servers?state=running' },
    })
    expect(await requireSession(signedIn, to('servers', '/servers'))).toBe(true)
  })

  it('keeps the signed-in away from the sign-in page', async () => {
    expect(await requireSession(signedIn, to('sign-in', '/sign-in', { next: '/nodes' }))).toBe('/nodes')
  })

  it('lets the page speak when the api is away', async () => {
    expect(await requireSession({ load: () => Promise.reject(new Error('away')) }, to('servers', '/servers'))).toBe(true)
  })
})

describe('safeNext', () => {
  it.each(['https://evil.example', '//evil.example', '/\\evil.example', 'servers', '/sign-in?next=/x', undefined, ['/a']])(
    'refuses %s',
    (next) => {
      expect(safeNext(next)).toBe('/servers')
    },
  )

  it('keeps local paths', () => {
    expect(safeNext('/servers/1/console?find=x')).toBe('/servers/1/console?find=x')
  })
})
