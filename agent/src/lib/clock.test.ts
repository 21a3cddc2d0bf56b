import { describe, expect, it } from 'vitest'
import { createClock } from './clock.ts'

function clockAt(wall: number, offset = 0) {
  const state = { wall, monotonic: 0, offsets: [] as number[] }
  const clock = createClock({
    wallClock: () => new Date(state.wall),
    monotonicMs: () => state.monotonic,
    offset,
    onOffset: (value) => state.offsets.push(value),
  })
  return { state, clock }
}

describe('createClock', () => {
  it('goes by the api when the wall clock is off, half the way of the answer counted', () => {
    const { state, clock } = clockAt(1_000_000)
    state.monotonic = 60
    clock.measure(new Date(4_600_000), 20)
    expect(clock.offset()).toBe(3_600_020)
    expect(clock.now()).toEqual(new Date(4_600_020))
    expect(clock.correct(new Date(0))).toEqual(new Date(3_600_020))
    expect(state.offsets).toEqual([3_600_020])
  })

  it('does not swing with answers that say nothing new', () => {
    const { state, clock } = clockAt(1_000_000)
    clock.measure(new Date(1_000_090), 0)
    state.monotonic = 5000
    clock.measure(new Date(999_000), 0)
    expect(clock.offset()).toBe(0)
    clock.measure(new Date(1_007_000), 5000)
    expect(clock.offset()).toBe(7000)
  })

  it('starts with what is known from before, and follows a clock that was set', () => {
    const { state, clock } = clockAt(1_000_000, 5000)
    expect(clock.now()).toEqual(new Date(1_005_000))
    state.wall = 2_000_000
    clock.measure(new Date(2_000_000), 0)
    expect(clock.offset()).toBe(0)
  })
})
