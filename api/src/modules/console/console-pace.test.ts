import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createPace } from './console-pace.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function createScene() {
  const told: number[] = []
  const pace = createPace(
    () => performance.now(),
    () => told.push(performance.now()),
  )
  return { pace, told }
}

it('tells the first news at once and the next ones together', () => {
  const { pace, told } = createScene()
  const start = performance.now()
  pace.news(1)
  for (let news = 0; news < 5; news += 1) {
    vi.advanceTimersByTime(2)
    pace.news(1)
  }
  vi.advanceTimersByTime(100)
  pace.news(1)
  expect(told.map((at) => at - start)).toEqual([0, 16, 110])
})

it('waits longer soon after very much has begun to come', () => {
  const { pace, told } = createScene()
  for (let ms = 0; ms < 500; ms += 1) {
    pace.news(10)
    vi.advanceTimersByTime(1)
  }
  const last = told.slice(-3).map((at) => Math.round(at))
  expect([last[1]! - last[0]!, last[2]! - last[1]!]).toEqual([50, 50])
})

it('is silent when it was stopped', () => {
  const { pace, told } = createScene()
  pace.news(1)
  pace.news(1)
  pace.stop()
  vi.advanceTimersByTime(1000)
  expect(told).toHaveLength(1)
})
