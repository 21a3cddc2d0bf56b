import { describe, expect, it } from 'vitest'
import { isLoopbackOnly, parseNameservers } from './name-service.ts'

const STUB = '# made by systemd-resolved\nnameserver 127.0.0.53\noptions edns0 trust-ad\n'
const MIXED = 'search lan\n  nameserver 127.0.0.1\nnameserver\t192.0.2.1\n#nameserver 192.0.2.2\nnameserver ::1\n'

describe('parseNameservers', () => {
  it('reads addresses and leaves out comments', () => {
    expect(parseNameservers(MIXED)).toEqual(['127.0.0.1', '192.0.2.1', '::1'])
    expect(parseNameservers('')).toEqual([])
  })
})

describe('isLoopbackOnly', () => {
  it('knows a stub that servers cannot reach', () => {
    expect(isLoopbackOnly(STUB)).toBe(true)
    expect(isLoopbackOnly('nameserver ::1\n')).toBe(true)
    expect(isLoopbackOnly(MIXED)).toBe(false)
    // Without any the library asks loopback by itself, and another file would not help.
    expect(isLoopbackOnly('search lan\n')).toBe(false)
  })
})
