import { expect, it } from 'vitest'
import { countMarks, marksOf } from './marks.ts'

const SECOND = 1000
const ended = (at: number, reason: string) => ({ at, kind: 'EXITED', reason })
const started = (at: number) => ({ at, kind: 'STARTED', reason: null })

it('marks crashes, starts, and starts soon after an end as restarts', () => {
  const events = [
    started(0),
    ended(600 * SECOND, 'STOPPED'),
    started(720 * SECOND),
    ended(900 * SECOND, 'OUT_OF_MEMORY'),
    started(1021 * SECOND),
    ended(1100 * SECOND, 'KILLED'),
  ]
  expect(marksOf(events).map(({ at, kind, reason }) => [at / SECOND, kind, reason])).toEqual([
    [0, 'START', null],
    [720, 'RESTART', null],
    [900, 'CRASH', 'OUT_OF_MEMORY'],
    [1021, 'START', null],
  ])
})

it('counts those of a kind, and keeps the newest', () => {
  const marks = marksOf([1, 2, 3].map((at) => ended(at, 'CRASHED')).concat(ended(4, 'OUT_OF_MEMORY')))
  expect(countMarks(marks)).toEqual([
    { at: 3, kind: 'CRASH', reason: 'CRASHED', count: 3 },
    { at: 4, kind: 'CRASH', reason: 'OUT_OF_MEMORY', count: 1 },
  ])
})
