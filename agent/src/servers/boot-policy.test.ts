import { describe, expect, it } from 'vitest'
import { decideBoot, wasRebooted } from './boot-policy.ts'

describe('wasRebooted', () => {
  const same = { knownBootId: 'a', bootId: 'a', wereRunning: 0, areKnown: 0 }
  it.each([
    ['the same boot', same, false],
    ['another boot', { ...same, bootId: 'b' }, true],
    ['a store that knows no boot', { ...same, knownBootId: null }, false],
    ['every game without a trace', { ...same, wereRunning: 3 }, true],
    ['one game without a trace', { ...same, wereRunning: 3, areKnown: 2 }, false],
    ['a store that knows no boot, every game without a trace', { ...same, knownBootId: null, wereRunning: 1 }, true],
  ])('%s', (_, facts, expected) => {
    expect(wasRebooted(facts)).toBe(expected)
  })
})

describe('decideBoot', () => {
  it.each([
    ['RESTORE', true, 'GO_ON'],
    ['RESTORE', false, 'GO_ON'],
    ['ALWAYS', true, 'START'],
    ['ALWAYS', false, 'GO_ON'],
    ['NEVER', true, 'STAY'],
    ['NEVER', false, 'STAY'],
  ] as const)('%s, installed: %s', (policy, isInstalled, expected) => {
    expect(decideBoot(policy, isInstalled)).toBe(expected)
  })
})
