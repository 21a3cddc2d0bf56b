import { describe, expect, it } from 'vitest'
import { addressOf, chooseSubnet, cidrOf, formatAddress, freeIndex, gatewayOf, parseAddress } from './subnet.ts'

describe('chooseSubnet', () => {
  it('takes the first of the range on an empty machine', () => {
    const subnet = chooseSubnet([])
    expect([cidrOf(subnet), gatewayOf(subnet), addressOf(subnet, 2)]).toEqual(['10.96.0.0/20', '10.96.0.1', '10.96.0.2'])
  })

  it('passes what any route meets, wider or narrower', () => {
    expect(cidrOf(chooseSubnet(['default', '10.96.0.0/20', '192.168.1.0/24', '127.0.0.1']))).toBe('10.96.16.0/20')
    expect(cidrOf(chooseSubnet(['10.96.5.7', '10.96.31.255/32']))).toBe('10.96.32.0/20')
    expect(cidrOf(chooseSubnet(['10.96.0.0/12']))).toBe('10.112.0.0/20')
  })

  it('says when nothing is left', () => {
    expect(() => chooseSubnet(['10.0.0.0/8'])).toThrow(/no network is left/)
  })
})

describe('addresses', () => {
  it.each(['0.0.0.0', '10.96.0.1', '192.0.2.255', '255.255.255.255'])('reads and writes %s', (text) => {
    expect(formatAddress(parseAddress(text))).toBe(text)
  })
})

describe('freeIndex', () => {
  it('gives the lowest that nobody has, and says when all are given', () => {
    expect(freeIndex(new Set())).toBe(2)
    expect(freeIndex(new Set([2, 3, 5]))).toBe(4)
    expect(() => freeIndex(new Set(Array.from({ length: 4096 }, (_, index) => index)))).toThrow(/no address left/)
  })
})
