import { describe, expect, it } from 'vitest'
import type { UserActor } from '../../lib/actor.ts'
import { createSessionCache } from './session-cache.ts'

const session = (id: string, sessionId: string) => {
  const actor: UserActor = {
    kind: 'user',
    id,
    username: id,
    displayName: id,
    email: `${id}@example.test`,
    permissions: new Set(),
    scopeKey: id,
    sessionId,
    address: null,
  }
  return { actor, expiresAt: new Date(8.64e15) }
}

describe('session cache', () => {
  it('keeps for a while', () => {
    let now = 0
    const cache = createSessionCache(() => now)
    cache.beginRead()('key', session('alice', '1'))
    now = 29_000
    expect(cache.get('key')?.actor.id).toBe('alice')
    now = 31_000
    expect(cache.get('key')).toBeNull()
  })
  it('drops one session or all of a user', () => {
    const cache = createSessionCache(() => 0)
    cache.beginRead()('1', session('alice', 's1'))
    cache.beginRead()('2', session('alice', 's2'))
    cache.beginRead()('3', session('bob', 's3'))
    cache.drop('alice', 's1')
    expect([cache.get('1'), cache.get('2') !== null]).toEqual([null, true])
    cache.drop('alice', null)
    expect([cache.get('2'), cache.get('3') !== null]).toEqual([null, true])
    cache.clear()
    expect(cache.get('3')).toBeNull()
  })
  it('does not keep what was read before a revocation', () => {
    const cache = createSessionCache(() => 0)
    const keep = cache.beginRead()
    cache.drop('alice', null)
    keep('key', session('alice', '1'))
    expect(cache.get('key')).toBeNull()
  })
})
