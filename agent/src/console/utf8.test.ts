import { describe, expect, it } from 'vitest'
import { decodeStrictly, wholeCharacters } from './utf8.ts'

describe('wholeCharacters', () => {
  it.each([
    ['a', [0x61], 1],
    ['a half euro', [0x61, 0xe2, 0x82], 1],
    ['a whole euro', [0xe2, 0x82, 0xac], 3],
    ['three quarters of a smiley', [0xf0, 0x9f, 0x98], 0],
    ['bytes that are no UTF-8', [0x80, 0x80, 0x80, 0x80], 4],
    ['nothing', [], 0],
  ])('%s', (_name, given, length) => {
    expect(wholeCharacters(Uint8Array.from(given))).toBe(length)
  })
})

describe('decodeStrictly', () => {
  it('keeps a byte order mark and refuses what is no UTF-8', () => {
    expect(decodeStrictly(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61]))).toBe('\ufeffa')
    expect(decodeStrictly(Uint8Array.from([0xff, 0x61]))).toBeNull()
  })
})
