import { describe, expect, it } from 'vitest'
import { describeExit, orderedExitReason, ownExitReason } from './exit-reason.ts'

const exit = (code: number | null, outOfMemory = false) => ({ code, outOfMemory })

describe('the reason of an end', () => {
  it.each([
    [exit(0), [0], 'STOPPED'],
    [exit(3), [0, 3], 'STOPPED'],
    [exit(0), [], 'CRASHED'],
    [exit(1), [0], 'CRASHED'],
    [exit(139), [0], 'CRASHED'],
    [exit(137), [0], 'KILLED'],
    [exit(143), [0], 'KILLED'],
    [exit(143), [0, 143], 'STOPPED'],
    [exit(137, true), [0, 137], 'OUT_OF_MEMORY'],
    [exit(null), [0], 'UNKNOWN'],
    [exit(null, true), [0], 'OUT_OF_MEMORY'],
  ] as const)('that nobody ordered: %o with clean codes %o is %s', (facts, clean, reason) => {
    expect(ownExitReason(facts, clean)).toBe(reason)
  })

  it.each([
    [exit(0), false, 'STOPPED'],
    [exit(1), false, 'STOPPED'],
    [exit(143), false, 'STOPPED'],
    [exit(null), false, 'STOPPED'],
    [exit(137), false, 'KILLED'],
    [exit(137), true, 'KILLED'],
    [exit(137, true), false, 'OUT_OF_MEMORY'],
    [exit(137, true), true, 'KILLED'],
  ] as const)('that was ordered: %o, killed by us: %s, is %s', (facts, wasKilled, reason) => {
    expect(orderedExitReason(facts, wasKilled)).toBe(reason)
  })

  it('is told in words', () => {
    expect(describeExit('STOPPED', 0)).toBe('Ended with code 0')
    expect(describeExit('KILLED', 137)).toBe('Killed (code 137)')
    expect(describeExit('UNKNOWN', null)).toBe('Ended; the exit code is not known')
    expect(describeExit('OUT_OF_MEMORY', 137)).toBe('Ended: out of memory')
  })
})
