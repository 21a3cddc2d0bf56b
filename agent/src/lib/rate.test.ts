import { expect, it } from 'vitest'
import { createRate } from './rate.ts'

it('comes to what happens each second, and fades', () => {
  let now = 0
  const rate = createRate(() => now)
  expect(rate.perSecond()).toBe(0)
  for (now = 0; now < 10_000; now += 50) rate.add(100)
  expect(rate.perSecond()).toBeGreaterThan(1500)
  expect(rate.perSecond()).toBeLessThan(2500)
  now += 5000
  expect(rate.perSecond()).toBeLessThan(20)
})
