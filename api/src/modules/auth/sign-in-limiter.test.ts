import { describe, expect, it } from 'vitest'
import { createSignInLimiter } from './sign-in-limiter.ts'

const guess = (limiter: ReturnType<typeof createSignInLimiter>, times: number, address: string, email: string) =>
  Array.from({ length: times }, () => limiter.take(address, email)).filter((wait) => wait > 0).length

describe('sign-in limiter', () => {
  it('slows one address down on one account', () => {
    const limiter = createSignInLimiter(() => 0)
    expect(guess(limiter, 15, '192.0.2.1', 'a@example.test')).toBe(5)
    expect(limiter.take('192.0.2.2', 'a@example.test')).toBe(0)
  })
  it('slows one address down over many accounts', () => {
    const limiter = createSignInLimiter(() => 0)
    const waits = Array.from({ length: 40 }, (_, index) => limiter.take('192.0.2.1', `${index}@example.test`))
    expect(waits.filter((wait) => wait > 0)).toHaveLength(10)
  })
  it('slows many addresses down on one account, but not an address that the owner used before', () => {
    const limiter = createSignInLimiter(() => 0)
    limiter.take('198.51.100.1', 'a@example.test')
    limiter.succeeded('198.51.100.1', 'a@example.test')
    const waits = Array.from({ length: 100 }, (_, index) => limiter.take(`192.0.2.${index}`, 'a@example.test'))
    expect(waits.filter((wait) => wait > 0)).toHaveLength(40)
    for (let index = 0; index < 40; index += 1) limiter.take('198.51.100.1', `${index}@example.test`)
    expect(limiter.take('198.51.100.1', 'a@example.test')).toBe(0)
    expect(limiter.take('198.51.100.1', 'c@example.test')).toBe(300)
  })
  it('does not count sign-ins that succeed', () => {
    const limiter = createSignInLimiter(() => 0)
    for (let index = 0; index < 200; index += 1) {
      expect(limiter.take('192.0.2.1', 'a@example.test')).toBe(0)
      limiter.succeeded('192.0.2.1', 'a@example.test')
    }
  })
  it('does not let a success of one account buy guesses at another', () => {
    const limiter = createSignInLimiter(() => 0)
    let refused = 0
    for (let index = 0; index < 40; index += 1) {
      if (limiter.take('192.0.2.1', 'victim@example.test') > 0) refused += 1
      if (limiter.take('192.0.2.1', 'own@example.test') === 0) limiter.succeeded('192.0.2.1', 'own@example.test')
    }
    expect(refused).toBe(30)
  })
})
