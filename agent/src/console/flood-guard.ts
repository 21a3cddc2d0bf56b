import type { ConsoleStream } from './console-stream.ts'

/** What a server may print for long: more is cut in the middle. */
export type FloodRule = { linesPerSecond: number; bytesPerSecond: number }

export const DEFAULT_FLOOD_RULE: FloodRule = { linesPerSecond: 20_000, bytesPerSecond: 4 * 2 ** 20 }

const MEASURED_MS = 10_000
/** Of one server's output on this disk, before and after a cut. */
const LARGEST_AREA = 2 ** 30
const KEPT_HEAD = 256 * 2 ** 20
const KEPT_TAIL = 64 * 2 ** 20
/** While the disk is nearly full, each server keeps so much at both ends. */
const KEPT_WHEN_FULL = 2 ** 20
const LEAST_FREE = 0.1
/** What of a flood is shown: the newest of each second. */
const FLOOD_TAIL = 64 * 1024

/** Watches one server's output. Never holds up the game: what is too much is given up instead. */
export type FloodGuard = {
  /** Called about once a second with the free share of the disk. Bytes that were given up. */
  look(rule: FloodRule, freeShare: number): Promise<number>
  isFlooding(): boolean
}

type Stream = Pick<ConsoleStream, 'end' | 'given' | 'grant' | 'cut' | 'diskBytes'>

export function createFloodGuard(stream: Stream, monotonicMs: () => number): FloodGuard {
  /** Ends of the last looks, the first of them as old as what is measured: looks may be late or left out on a busy node. */
  const looks = [{ at: monotonicMs(), end: stream.end() }]
  let lastGiven = stream.given()
  /** As the game writes lately. */
  let bytesPerLine = 80
  /** Where the flood that goes on began, or somewhat before: what is older is none of it. */
  let floodFrom: number | null = null

  return {
    isFlooding: () => floodFrom !== null,
    async look({ linesPerSecond, bytesPerSecond }, freeShare) {
      const [at, end, given] = [monotonicMs(), stream.end(), stream.given()]
      const lines = given.lines - lastGiven.lines
      if (lines > 0) bytesPerLine = (given.bytes - lastGiven.bytes) / lines
      lastGiven = given
      looks.push({ at, end })
      const oldest = looks.findLastIndex((look) => at - look.at >= MEASURED_MS)
      if (oldest > 0) looks.splice(0, oldest)
      const first = looks[0] ?? { at, end }
      // Lines that are not given out yet are as long as those that were. Whole bytes: positions are counted in them.
      const budget = Math.floor(Math.min(bytesPerSecond, linesPerSecond * bytesPerLine))
      const written = ((end - first.end) / Math.max(MEASURED_MS, at - first.at)) * 1000
      floodFrom = written > budget ? (floodFrom ?? first.end) : null
      stream.grant(floodFrom === null ? Infinity : budget)
      const flood = floodFrom === null ? 0 : await stream.cut(floodFrom, { head: 0, tail: FLOOD_TAIL })
      // What had gathered before a flood takes room too.
      if (freeShare < LEAST_FREE) return flood + (await stream.cut(0, { head: KEPT_WHEN_FULL, tail: KEPT_WHEN_FULL }))
      if (stream.diskBytes() > LARGEST_AREA) return flood + (await stream.cut(0, { head: KEPT_HEAD, tail: KEPT_TAIL }))
      return flood
    },
  }
}
