import { expect, it } from 'vitest'
import { partsOf, patternOf } from './console-match.ts'

it('parts a line around what was looked for', () => {
  expect(partsOf('Ada joined', { text: 'join', isPattern: false })).toEqual({ before: 'Ada ', match: 'join', after: 'ed' })
  expect(partsOf('Ada joined', { text: '[a-c]+ ', isPattern: true })).toEqual({ before: 'Ad', match: 'a ', after: 'joined' })
  expect(partsOf('a.c', { text: '.', isPattern: false })).toEqual({ before: 'a', match: '.', after: 'c' })
  expect(partsOf('İ: Ada Joined', { text: 'JOIN', isPattern: false })).toEqual({ before: 'İ: Ada ', match: 'Join', after: 'ed' })
  expect(partsOf('Ada Joined', { text: 'j[a-z]+n', isPattern: true }).match).toBe('Join')
  // Colours may stand between its letters.
  expect(partsOf('Ada', { text: 'x', isPattern: false })).toEqual({ before: 'Ada', match: '', after: '' })
})

it('knows what is no pattern', () => {
  expect(patternOf('(')).toBeNull()
  expect(partsOf('(', { text: '(', isPattern: true }).match).toBe('')
})
