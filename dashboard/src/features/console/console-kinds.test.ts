import { expect, it } from 'vitest'
import type { ConsoleEvent } from './console-event.ts'
import { isOfKinds, KINDS, kindsIn, textOfKinds } from './console-kinds.ts'

const chunk = (kind: 'OUTPUT' | 'INPUT' | 'NOTICE'): ConsoleEvent => ({
  __typename: 'ConsoleChunk',
  from: 0,
  to: 1,
  kind,
  runId: 'r',
  text: 'a',
  at: 'now',
  actor: null,
})

it('reads kinds from an address, and all from one that names none', () => {
  expect(kindsIn('notices,commands')).toEqual(['commands', 'notices'])
  expect(kindsIn('notices,<script>')).toEqual(['notices'])
  expect(kindsIn('')).toEqual(KINDS)
  expect(kindsIn('everything')).toEqual(KINDS)
  expect(textOfKinds(['notices', 'commands'])).toBe('commands,notices')
  expect(textOfKinds(KINDS)).toBe('')
})

it('shows what is missing whatever is wanted', () => {
  expect(isOfKinds(chunk('OUTPUT'), ['commands', 'notices'])).toBe(false)
  expect(isOfKinds(chunk('INPUT'), ['commands'])).toBe(true)
  expect(isOfKinds(chunk('NOTICE'), ['commands'])).toBe(false)
  expect(isOfKinds({ __typename: 'ConsoleGap', from: 0, to: 9, reason: 'FLOOD' }, ['commands'])).toBe(true)
})
