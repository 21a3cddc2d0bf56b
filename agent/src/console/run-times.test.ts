import { beforeEach, describe, expect, it } from 'vitest'
import { createRunTimes, type RunTimes } from './run-times.ts'

const HOUR = 3600
/** Of the monotonic clock, in seconds. */
let seconds: number
/** What the wall clock is ahead of it. */
let ahead: number
let times: RunTimes

const second = (at: number) => new Date(at * 1000)
const clocks = { now: () => second(seconds + ahead), monotonicMs: () => seconds * 1000 }

beforeEach(() => {
  ;[seconds, ahead] = [0, 0]
  times = createRunTimes(clocks)
})

function note(size: number, at: number) {
  seconds = at
  times.note(size)
}

function find(offset: number, at: number) {
  seconds = at
  return times.find(offset)
}

describe('run times', () => {
  it('tells when bytes were there, and joins those of a second', () => {
    expect(find(0, 7)).toEqual({ at: second(7), until: Infinity })
    note(10, 1)
    note(10, 2)
    note(20, 9)
    note(30, 9.9)
    expect(find(0, 60)).toEqual({ at: second(1), until: 10 })
    expect(find(10, 60)).toEqual({ at: second(9), until: 30 })
    expect(find(25, 10)).toEqual({ at: second(9.9), until: Infinity })
    expect(find(30, 60)).toEqual({ at: second(60), until: Infinity })
    times.forget(20)
    expect(find(0, 60)).toEqual({ at: second(9.9), until: 30 })
  })

  it('stays small in a day, and as exact as that allows everywhere', () => {
    const day = 24 * HOUR
    for (let now = 1; now <= day; now += 1) note(now, now)
    let found = 0
    for (let offset = 0; offset < day; found += 1) {
      const { at, until } = find(offset, 2 * day)
      expect(at.getTime() / 1000 - offset).toBeGreaterThan(0)
      expect(at.getTime() / 1000 - offset).toBeLessThan(day / 100)
      offset = until
    }
    expect(found).toBeLessThanOrEqual(512)
  })

  it.each([HOUR, -HOUR])('tells the right time when the clock is corrected by %i seconds after the note', (correction) => {
    ahead = 2 * HOUR
    note(10, 100)
    ahead += correction
    note(20, 160)
    expect(find(0, 200)).toEqual({ at: second(100 + ahead), until: 10 })
    expect(find(10, 200)).toEqual({ at: second(160 + ahead), until: 20 })
  })

  it('goes on from what an earlier agent has left', () => {
    times = createRunTimes({ ...clocks, earlier: { size: 10, at: second(-500) } })
    note(10, 1)
    note(20, 9)
    expect(find(5, 60)).toEqual({ at: second(-500), until: 10 })
    expect(find(10, 60)).toEqual({ at: second(9), until: 20 })
  })
})
