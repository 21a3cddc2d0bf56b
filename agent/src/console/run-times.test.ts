import { describe, expect, it } from 'vitest'
import { createRunTimes } from './run-times.ts'

const second = (seconds: number) => new Date(seconds * 1000)

describe('run times', () => {
  it('tells when bytes were there, and joins those of a second', () => {
    const times = createRunTimes()
    expect(times.find(0, second(7))).toEqual({ at: second(7), until: Infinity })
    times.note(10, second(1))
    times.note(10, second(2))
    times.note(20, second(9))
    times.note(30, second(9.9))
    expect(times.find(0, second(60))).toEqual({ at: second(1), until: 10 })
    expect(times.find(10, second(60))).toEqual({ at: second(9), until: 30 })
    expect(times.find(25, second(10))).toEqual({ at: second(9.9), until: Infinity })
    expect(times.find(30, second(60))).toEqual({ at: second(60), until: Infinity })
    times.forget(20)
    expect(times.find(0, second(60))).toEqual({ at: second(9.9), until: 30 })
  })

  it('stays small in a day, and as exact as that allows everywhere', () => {
    const times = createRunTimes()
    const day = 86_400
    for (let now = 1; now <= day; now += 1) times.note(now, second(now))
    let found = 0
    for (let offset = 0; offset < day; found += 1) {
      const { at, until } = times.find(offset, second(2 * day))
      expect(at.getTime() / 1000 - offset).toBeGreaterThan(0)
      expect(at.getTime() / 1000 - offset).toBeLessThan(day / 100)
      offset = until
    }
    expect(found).toBeLessThanOrEqual(512)
  })

  it('goes on when the clock is set back', () => {
    const times = createRunTimes()
    times.note(1, second(5000))
    for (let now = 1; now < 2000; now += 1) times.note(1 + now, second(now))
    expect(times.find(1, second(9000)).at).toEqual(second(5000))
  })
})
