import { describe, expect, it } from 'vitest'
import { matchesWhole, problemOfPattern } from './pattern-safety.ts'

describe('problemOfPattern', () => {
  it.each([
    '[a-z0-9_-]{1,32}',
    String.raw`\d+\.\d+`,
    '(?:dm|ctf)',
    '(?:[a-z]{2}-)?x',
    '[^\\]]*',
    'a|b|c',
    'Server is (?:up|ready)',
    '(ab){3}',
  ])('takes %s', (pattern) => {
    expect(problemOfPattern(pattern)).toBeNull()
  })
  it.each(['(', '(?=a)b', '(?<!a)b', String.raw`(a)\1`, '(a+)+', '(a|aa)*b', '((a*)b)*', '(?:a{1,9}){2,}', '((a|b))+', 'a*a*a*a*a*a*a*'])(
    'refuses %s',
    (pattern) => {
      expect(problemOfPattern(pattern)).not.toBeNull()
    },
  )
})

describe('matchesWhole', () => {
  it('matches the whole value only', () => {
    expect(matchesWhole('a|ab', 'ab')).toBe(true)
    expect(matchesWhole('b', 'ab')).toBe(false)
  })
  it('gives up on what takes too long', () => {
    expect(matchesWhole('(a+)+', `${'a'.repeat(40)}!`)).toBe(false)
  })
})
