import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watch } from 'vue'
import { createConnection } from './use-connection.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('shows a loss only after the grace time, and when it began', () => {
  const connection = createConnection()
  connection.opened()
  connection.closed()
  const { lostAt } = connection.state
  expect(connection.state).toMatchObject({ isLive: false, isLost: false })
  vi.advanceTimersByTime(2000)
  connection.closed()
  expect(connection.state).toMatchObject({ isLost: true, lostAt })
  connection.opened()
  expect(connection.state).toMatchObject({ isLive: true, isLost: false, lostAt: null })
})

it('tells who waits for the return, with the new epoch in place', () => {
  const connection = createConnection()
  const epochs: number[] = []
  watch(
    () => connection.state.isLive,
    (isLive) => {
      if (isLive) epochs.push(connection.state.epoch)
    },
    { flush: 'sync' },
  )
  const returned = vi.fn()
  connection.onReturn(returned)
  connection.opened()
  expect(returned).not.toHaveBeenCalled()
  connection.closed()
  connection.opened()
  expect(returned).toHaveBeenCalledOnce()
  expect(epochs).toEqual([1, 2])
})

it('does not call a socket lost that was left on purpose', () => {
  const connection = createConnection()
  connection.opened()
  connection.left()
  vi.advanceTimersByTime(5000)
  expect(connection.state).toMatchObject({ isLive: false, isLost: false, lostAt: null })
})

it('tries at once when asked to', async () => {
  const connection = createConnection()
  const tried = vi.fn()
  const waiting = connection.wait(10_000).then(tried)
  expect(connection.state.retryAt).not.toBeNull()
  connection.tryNow()
  await waiting
  expect(tried).toHaveBeenCalled()
  expect(connection.state.retryAt).toBeNull()
})
