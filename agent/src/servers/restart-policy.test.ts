import { describe, expect, it } from 'vitest'
import type { ExitReason, RestartRule } from '../state/records.ts'
import { decideRestart, type EndedRun } from './restart-policy.ts'

const NOW = new Date('2030-01-01T00:00:00.000Z')
const rule = (change: Partial<RestartRule> = {}): RestartRule => ({
  policy: 'ON_FAILURE',
  cleanExitCodes: [0],
  maximumRestarts: 3,
  windowSeconds: 600,
  ...change,
})
const ended = (change: Partial<EndedRun> = {}) =>
  decideRestart({ rule: rule(), reason: 'CRASHED', ranMs: 100, earlier: [], now: NOW, random: () => 1, ...change })
const secondsAgo = (...seconds: number[]) => seconds.map((value) => new Date(NOW.getTime() - value * 1000).toISOString())
const delayOf = (decision: ReturnType<typeof decideRestart>) => (decision.kind === 'restart' ? decision.at.getTime() - NOW.getTime() : null)

const REASONS: ExitReason[] = ['STOPPED', 'CRASHED', 'OUT_OF_MEMORY', 'KILLED', 'UNKNOWN']

describe('which ends are followed by a restart', () => {
  it.each([
    ['ALWAYS', REASONS],
    ['ON_FAILURE', REASONS.filter((reason) => reason !== 'STOPPED')],
    ['NEVER', []],
  ] as const)('%s', (policy, expected) => {
    const restarted = REASONS.filter((reason) => ended({ rule: rule({ policy }), reason }).kind === 'restart')
    expect(restarted).toEqual(expected)
    for (const reason of REASONS) if (!restarted.includes(reason)) expect(ended({ rule: rule({ policy }), reason }).kind).toBe('accept')
  })
})

describe('how long a restart waits', () => {
  it('twice as long each time, five minutes at most', () => {
    const generous = rule({ maximumRestarts: 100, windowSeconds: 86_400 })
    const delays = Array.from({ length: 12 }, (_, count) =>
      delayOf(ended({ rule: generous, earlier: Array.from({ length: count }, () => NOW.toISOString()) })),
    )
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000, 300_000])
  })

  it('half of it at random', () => {
    expect(delayOf(ended({ random: () => 0 }))).toBe(500)
    expect(delayOf(ended({ random: () => 0.5 }))).toBe(750)
  })
})

describe('how often it is tried', () => {
  it('counts its tries and gives up above the maximum', () => {
    expect(ended({ earlier: secondsAgo(20, 10) })).toMatchObject({ kind: 'restart', attempt: 3, earlier: [...secondsAgo(20, 10, 0)] })
    expect(ended({ earlier: secondsAgo(30, 20, 10) })).toEqual({ kind: 'giveUp', attempts: 3 })
    expect(ended({ rule: rule({ maximumRestarts: 0 }) })).toEqual({ kind: 'giveUp', attempts: 0 })
  })

  it('only inside the window', () => {
    expect(ended({ earlier: secondsAgo(601, 600, 10) })).toMatchObject({ kind: 'restart', attempt: 2, earlier: secondsAgo(10, 0) })
  })

  it('anew after stable running', () => {
    const often = secondsAgo(590, 580, 570)
    expect(ended({ earlier: often, ranMs: 299_999 })).toEqual({ kind: 'giveUp', attempts: 3 })
    expect(ended({ earlier: often, ranMs: 300_000 })).toMatchObject({ kind: 'restart', attempt: 1 })
    expect(ended({ rule: rule({ windowSeconds: 60 }), earlier: secondsAgo(50, 40, 30), ranMs: 60_000 })).toMatchObject({ attempt: 1 })
  })

  it('never by a clean end that is accepted', () => {
    expect(ended({ reason: 'STOPPED', earlier: secondsAgo(3, 2, 1) })).toEqual({ kind: 'accept' })
  })
})
