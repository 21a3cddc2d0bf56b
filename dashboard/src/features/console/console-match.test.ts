import { expect, it } from 'vitest'
import { partsOf, patternOf } from './console-match.ts'

it('parts a line around what was looked for', () => {
  expect(partsOf('Ada joined', { text: 'join', isPattern: false, matchCase: false })).toEqual({
    before: 'Ada ',
    match: 'join',
    after: 'ed',
  })
  expect(partsOf('Ada joined', { text: '[a-c]+ ', isPattern: true, matchCase: false })).toEqual({
    before: 'Ad',
    match: 'a ',
    after: 'joined',
  })
  expect(partsOf('a.c', { text: '.', isPattern: false, matchCase: false })).toEqual({ before: 'a', match: '.', after: 'c' })
  expect(partsOf('İ: Ada Joined', { text: 'JOIN', isPattern: false, matchCase: false })).toEqual({
    before: 'İ: Ada ',
    match: 'Join',
    after: 'ed',
  })
  expect(partsOf('Ada Joined', { text: 'j[a-z]+n', isPattern: true, matchCase: false }).match).toBe('Join')
  for (const isPattern of [true, false]) {
    expect(partsOf('Ada Joined', { text: 'joined', isPattern, matchCase: true }).match).toBe('')
    expect(partsOf('Ada Joined', { text: 'Joined', isPattern, matchCase: true }).match).toBe('Joined')
  }
  // Colours may stand between its letters.
  expect(partsOf('Ada', { text: 'x', isPattern: false, matchCase: false })).toEqual({ before: 'Ada', match: '', after: '' })
})

it('knows what is no pattern', () => {
  expect(patternOf('(', false)).toBeNull()
  expect(partsOf('(', { text: '(', isPattern: true, matchCase: false }).match).toBe('')
})
