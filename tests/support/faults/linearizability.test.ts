import { expect, it } from 'vitest'
import { isLinearizable, type Call, type Model } from './linearizability.ts'

type Register = { write: number } | { read: number }
const register: Model<number, Register> = {
  first: 0,
  step: (state, operation) => ('write' in operation ? operation.write : operation.read === state ? state : null),
}
const call = (from: number, to: number, operation: Register): Call<Register> => ({ from, to, operation })

it('accepts reads of the old and of the new value while a write is under way', () => {
  const history = [call(0, 10, { write: 1 }), call(1, 4, { read: 0 }), call(5, 6, { read: 1 }), call(7, 20, { read: 1 })]
  expect(isLinearizable(register, history)).toBe(true)
})

it('refuses a value that was read, lost and read again', () => {
  const history = [call(0, 10, { write: 1 }), call(1, 2, { read: 1 }), call(3, 4, { read: 0 })]
  expect(isLinearizable(register, history)).toBe(false)
})

it('refuses a write that was answered and is not there', () => {
  expect(isLinearizable(register, [call(0, 1, { write: 1 }), call(2, 3, { read: 0 })])).toBe(false)
})

it('lets a call without an answer take effect late, or never', () => {
  const lost = call(0, Infinity, { write: 1 })
  expect(isLinearizable(register, [lost, call(1, 2, { read: 0 }), call(3, 4, { read: 1 })])).toBe(true)
  expect(isLinearizable(register, [lost, call(1, 2, { read: 0 })])).toBe(true)
})

it('finds the one order among many that overlap', () => {
  const writes = Array.from({ length: 8 }, (_, index) => call(0, 100, { write: index + 1 }))
  const reads = Array.from({ length: 8 }, (_, index) => call(10 * index + 10, 10 * index + 11, { read: 8 - index }))
  expect(isLinearizable(register, [...writes, ...reads])).toBe(true)
  expect(isLinearizable(register, [...writes, ...reads, call(200, 201, { read: 8 })])).toBe(false)
})
