import { describe, expect, it } from 'vitest'
import { addressKey, plainAddress } from './address.ts'

describe('addresses', () => {
  it('are themselves behind an IPv6 socket', () => {
    expect(plainAddress('::ffff:192.0.2.7')).toBe('192.0.2.7')
    expect(plainAddress('2001:db8::1')).toBe('2001:db8::1')
  })
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })
  it('count together when unknown', () => {
    expect(addressKey(null)).toBe('unknown')
  })
})
