import { beforeEach, describe, expect, it } from 'vitest'
import { createFloodGuard, type FloodGuard } from './flood-guard.ts'

const MIB = 2 ** 20
const RULE = { linesPerSecond: 20_000, bytesPerSecond: 4 * MIB }
const ENOUGH = 0.5

let end: number
let given: { lines: number; bytes: number }
let area: number
let granted: number[]
let cuts: [from: number, head: number, tail: number][]
let now: number
let guard: FloodGuard

beforeEach(() => {
  now = 0
  end = 0
  given = { lines: 0, bytes: 0 }
  area = 0
  granted = []
  cuts = []
  const stream: Parameters<typeof createFloodGuard>[0] = {
    end: () => end,
    given: () => given,
    grant: (bytes) => granted.push(bytes),
    cut: async (from, { head, tail }) => {
      cuts.push([from, head, tail])
      return 1
    },
    diskBytes: () => area,
  }
  guard = createFloodGuard(stream, () => now)
})

/** Seconds in which the game writes so much, all of it given out, with a look at the end of every so many. */
async function pass(seconds: number, bytes: number, lines: number, every = 1) {
  for (let second = 1; second <= seconds; second += 1) {
    now += 1000
    end += bytes
    given = { lines: given.lines + lines, bytes: given.bytes + bytes }
    if (second % every === 0) await guard.look(RULE, ENOUGH)
  }
}

describe('flood guard', () => {
  it('lets short bursts and steady output below the budget pass', async () => {
    await pass(60, 3 * MIB, 15_000)
    await pass(1, 8 * MIB, 15_000)
    expect(guard.isFlooding()).toBe(false)
    expect(cuts).toEqual([])
    expect(new Set(granted)).toEqual(new Set([Infinity]))
  })

  it('cuts what is too much for ten seconds, in bytes or in lines, until it is over', async () => {
    await pass(9, 4.2 * MIB, 1000)
    expect(guard.isFlooding()).toBe(false)
    await pass(1, 4.5 * MIB, 1000)
    expect(guard.isFlooding()).toBe(true)
    expect(granted.at(-1)).toBe(4 * MIB)
    expect(cuts).toEqual([[0, 0, 64 * 1024]])
    await pass(10, 0, 0)
    expect(guard.isFlooding()).toBe(false)
    expect(granted.at(-1)).toBe(Infinity)

    await pass(10, 25_000 * 10, 25_000)
    expect(guard.isFlooding()).toBe(true)
    expect(granted.at(-1)).toBe(20_000 * 10)
  })

  it('counts seconds, however late it looks', async () => {
    await pass(60, 3 * MIB, 15_000, 2)
    await pass(60, 3 * MIB, 15_000, 15)
    expect(guard.isFlooding()).toBe(false)
    await pass(30, 5 * MIB, 15_000, 15)
    expect(guard.isFlooding()).toBe(true)
  })

  it('gives up nothing that is older than the flood', async () => {
    await pass(60, 1000, 10)
    const before = end - 10 * 1000
    await pass(20, 20 * MIB, 1000)
    expect(guard.isFlooding()).toBe(true)
    for (const [from] of cuts) expect(from).toBeGreaterThanOrEqual(before)
    expect(new Set(cuts.map(([from]) => from)).size).toBe(1)
    await pass(30, 1000, 10)
    cuts.length = 0
    const later = end - 10 * 1000
    await pass(5, 20 * MIB, 1000)
    expect(cuts[0]?.[0]).toBeGreaterThanOrEqual(later)
  })

  it('grants whole bytes, however long lines are', async () => {
    await pass(10, 25_000 * 10 + 1, 25_000)
    expect(granted.at(-1)).toBe(20_000 * 10)
  })

  it('keeps the beginning and the end when the room runs short', async () => {
    area = 2 ** 30 + 1
    await guard.look(RULE, ENOUGH)
    await guard.look(RULE, 0.09)
    expect(cuts).toEqual([
      [0, 256 * MIB, 64 * MIB],
      [0, MIB, MIB],
    ])
  })

  it('makes room in a flood too, of what had gathered before', async () => {
    area = 2 ** 30 + 1
    await pass(9, MIB, 1000)
    cuts = []
    await pass(1, 100 * MIB, 1000)
    expect(cuts).toEqual([
      [0, 0, 64 * 1024],
      [0, 256 * MIB, 64 * MIB],
    ])
  })
})
