import { expect, it } from 'vitest'
import { WISH_MODEL } from './wish-model.ts'

it.each([
  ['STOPPED', { kind: 'start', answer: 'accepted' }, 'RUNNING'],
  ['RUNNING', { kind: 'restart', answer: 'accepted' }, 'RUNNING'],
  ['RUNNING', { kind: 'stop', answer: 'accepted' }, 'STOPPED'],
  ['STOPPED', { kind: 'kill', answer: 'accepted' }, 'STOPPED'],
  // What is wanted already may be refused, and nothing else.
  ['RUNNING', { kind: 'start', answer: 'refused' }, 'RUNNING'],
  ['STOPPED', { kind: 'start', answer: 'refused' }, null],
  ['STOPPED', { kind: 'stop', answer: 'refused' }, 'STOPPED'],
  ['RUNNING', { kind: 'kill', answer: 'refused' }, null],
  ['RUNNING', { kind: 'restart', answer: 'refused' }, null],
  ['RUNNING', { kind: 'look', wanted: 'RUNNING' }, 'RUNNING'],
  ['RUNNING', { kind: 'look', wanted: 'STOPPED' }, null],
] as const)('%s, then %o: %s', (wanted, operation, after) => {
  expect(WISH_MODEL.step(wanted, operation)).toBe(after)
})
