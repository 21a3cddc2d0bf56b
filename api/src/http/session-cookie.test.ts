import { describe, expect, it } from 'vitest'
import { bearerToken } from './identify.ts'
import { createSessionCookies } from './session-cookie.ts'

describe('session cookies', () => {
  it('are strict, for scripts invisible, and host-bound over https', () => {
    const plain = createSessionCookies({ instanceId: 'a', isSecure: false, maxAgeSeconds: 60 })
    expect(plain.set('token')).toMatch(/^catalyst-[0-9a-f]{8}=token; Path=\/; HttpOnly; SameSite=Strict; Max-Age=60$/)
    const secure = createSessionCookies({ instanceId: 'a', isSecure: true, maxAgeSeconds: 60 })
    expect(secure.set('token')).toMatch(/^__Host-catalyst-[0-9a-f]{8}=token; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=60$/)
    expect(secure.clear()).toContain('Max-Age=0')
  })
  it('are read among others, and not those of another installation', () => {
    const [a, b] = ['a', 'b'].map((instanceId) => createSessionCookies({ instanceId, isSecure: false, maxAgeSeconds: 60 }))
    const header = `x=1; ${b?.set('other').split(';')[0] ?? ''}; ${a?.set('own').split(';')[0] ?? ''}`
    expect(a?.read(header)).toBe('own')
    expect(a?.read(undefined)).toBeNull()
    expect(a?.read('x=1')).toBeNull()
  })
})

describe('bearerToken', () => {
  it('takes one token and nothing else', () => {
    expect(bearerToken('Bearer abc_-1')).toBe('abc_-1')
    for (const header of ['Basic abc', 'Bearer', 'Bearer a b', 'Bearer a,b', ['Bearer a'], undefined, `Bearer ${'x'.repeat(201)}`])
      expect(bearerToken(header)).toBeNull()
  })
})
