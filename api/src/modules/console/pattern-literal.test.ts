import { describe, expect, it } from 'vitest'
import { problemOfPattern } from '../templates/pattern-safety.ts'
import { literalOf } from './pattern-literal.ts'

describe('the text that every match contains', () => {
  it.each([
    ['needle in the h[a-z]+k$', 'needle in the h'],
    ['^\\[error\\] .*failed', '[error] '],
    ['abc+def', 'abc'],
    ['abc?defg', 'defg'],
    ['abc*de', 'ab'],
    ['abc{0,3}', 'ab'],
    ['ab(?:cdef)gh(ij)?klm', 'klm'],
    ['(left|right)hand', 'hand'],
    ['player \\d+ joined', 'player '],
    ['grün is green', 'n is green'],
    ['one|two', ''],
    ['[a-z]+', ''],
    ['', ''],
    ['a{b', 'a{b'],
    // The number of a character is no text, and what follows it is not either.
    ['\\x41bcdef', ''],
    ['\\u0041bcdef', ''],
  ])('of %s is "%s"', (pattern, literal) => {
    expect(literalOf(pattern)).toBe(literal)
  })

  it('is in whatever matches', () => {
    const atoms = ['a', 'b', '.', '[ab]', '\\w', '\\.', '(?:ab)', '(a|b)', '^', '$', ' ']
    const quantifiers = ['', '', '', '?', '*', '+', '{2}', '{0,1}', '+?']
    const texts = Array.from({ length: 64 }, (_, index) => [index >> 4, (index >> 2) & 3, index & 3].map((digit) => 'ab. '[digit]).join(''))
    for (let first = 0; first < atoms.length * quantifiers.length; first += 1)
      for (let second = 0; second < atoms.length * quantifiers.length; second += 1) {
        const parts = [first, second].map(
          (part) => (atoms[part % atoms.length] ?? '') + (quantifiers[Math.floor(part / atoms.length)] ?? ''),
        )
        const pattern = parts.join('')
        const literal = literalOf(pattern)
        if (literal === '' || problemOfPattern(pattern) !== null) continue
        const expression = new RegExp(pattern)
        for (const text of texts) if (expression.test(text)) expect(text, pattern).toContain(literal)
      }
  })
})
