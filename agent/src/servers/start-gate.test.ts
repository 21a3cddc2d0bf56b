import { setImmediate as turnOver } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createStartGate, type Turn } from './start-gate.ts'

describe('createStartGate', () => {
  it('lets so many through at a time, in the order of arrival', async () => {
    const gate = createStartGate(2)
    const { signal } = new AbortController()
    const turns: [number, Turn][] = []
    for (const number of [1, 2, 3, 4]) void gate.enter(signal).then((turn) => turns.push([number, turn]))
    await turnOver()
    expect(turns.map(([number]) => number)).toEqual([1, 2])
    turns[0]?.[1].leave()
    turns[0]?.[1].leave()
    await turnOver()
    expect(turns.map(([number]) => number)).toEqual([1, 2, 3])
    for (const [, turn] of turns) turn.leave()
    await turnOver()
    expect(turns.map(([number]) => number)).toEqual([1, 2, 3, 4])
  })

  it('forgets who gave up waiting', async () => {
    const gate = createStartGate(1)
    const first = await gate.enter(new AbortController().signal)
    const abort = new AbortController()
    const second = gate.enter(abort.signal)
    const third = gate.enter(new AbortController().signal)
    abort.abort(new Error('stopped'))
    await expect(second).rejects.toThrow('stopped')
    first.leave()
    await expect(third).resolves.toBeDefined()
    await expect(gate.enter(abort.signal)).rejects.toThrow('stopped')
  })
})
