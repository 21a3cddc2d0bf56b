import { expect, it } from 'vitest'
import { compareStates } from './truth.ts'

const row = { id: 'a', state: 'RUNNING', desiredState: 'RUNNING', activity: 'NONE', isOnline: true, isDeleted: false, open: 0 }
const seen = { id: 'a', state: 'RUNNING', desiredState: 'RUNNING', activity: 'NONE', isStale: false }
const running = new Map([['a', 7]])
const resting = new Map([['a', null]])

it('accepts what is the same three times', () => {
  expect(compareStates([row], [seen], running)).toEqual([])
  const stopped = { state: 'STOPPED', desiredState: 'STOPPED' }
  expect(compareStates([{ ...row, ...stopped }], [{ ...seen, ...stopped }], resting)).toEqual([])
  expect(compareStates([{ ...row, ...stopped }], [{ ...seen, ...stopped }], new Map())).toEqual([])
})

it.each([
  ['a node that is away', [{ ...row, isOnline: false }], [seen], running],
  ['a command that is open', [{ ...row, open: 1 }], [seen], running],
  ['an install that is under way', [{ ...row, activity: 'INSTALLING' }], [{ ...seen, activity: 'INSTALLING' }], running],
  ['a state between', [{ ...row, state: 'STARTING' }], [{ ...seen, state: 'STARTING' }], running],
  ['a game that does not run', [row], [seen], resting],
  ['a game that runs unknown', [], [], running],
  ['a game that runs unwanted', [{ ...row, desiredState: 'STOPPED' }], [{ ...seen, desiredState: 'STOPPED' }], running],
  ['another state shown', [row], [{ ...seen, state: 'STOPPED' }], running],
  ['a stale one shown', [row], [{ ...seen, isStale: true }], running],
  ['one not shown', [row], [], running],
  ['one shown and not stored', [row], [seen, { ...seen, id: 'b' }], running],
  ['a deleted one kept', [{ ...row, isDeleted: true }], [], running],
] as const)('finds %s', (_what, rows, servers, workloads) => {
  expect(compareStates(rows, servers, workloads)).not.toEqual([])
})

it('lets one rest that crashed for good', () => {
  const crashed = { state: 'CRASHED' }
  expect(compareStates([{ ...row, ...crashed }], [{ ...seen, ...crashed }], resting)).toHaveLength(1)
  expect(compareStates([{ ...row, ...crashed }], [{ ...seen, ...crashed }], resting, new Set(['a']))).toEqual([])
})
