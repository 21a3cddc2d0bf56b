import type { ConsoleStream } from './console-stream.ts'

/** What a server may print for long: more is cut in the middle. */
export type FloodRule = { linesPerSecond: number; bytesPerSecond: number }

export const DEFAULT_FLOOD_RULE: FloodRule = { linesPerSecond: 20_000, bytesPerSecond: 4 * 2 ** 20 }

const MEASURED_SECONDS = 10
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
  /** Called once a second with the free share of the disk. Bytes that were given up. */
  look(rule: FloodRule, freeShare: number): Promise<number>
  isFlooding(): boolean
}

type Stream = Pick<ConsoleStream, 'end' | 'given' | 'grant' | 'cut' | 'diskBytes'>

export function createFloodGuard(stream: Stream): FloodGuard {
  /** Bytes written in each of the last seconds. */
  const seconds: number[] = []
  let lastEnd = stream.end()
  let lastGiven = stream.given()
  /** As the game writes lately. */
  let bytesPerLine = 80
  let isFlooding = false

  return {
    isFlooding: () => isFlooding,
    async look({ linesPerSecond, bytesPerSecond }, freeShare) {
      const [end, given] = [stream.end(), stream.given()]
      const lines = given.lines - lastGiven.lines
      if (lines > 0) bytesPerLine = (given.bytes - lastGiven.bytes) / lines
      seconds.push(end - lastEnd)
      if (seconds.length > MEASURED_SECONDS) seconds.shift()
      lastEnd = end
      lastGiven = given
      // Lines that are not given out yet are as long as those that were. Whole bytes: positions are counted in them.
      const budget = Math.floor(Math.min(bytesPerSecond, linesPerSecond * bytesPerLine))
      const written = seconds.reduce((total, bytes) => total + bytes, 0) / MEASURED_SECONDS
      isFlooding = written > budget
      stream.grant(isFlooding ? budget : Infinity)
      if (isFlooding) return stream.cut(0, FLOOD_TAIL)
      if (freeShare < LEAST_FREE) return stream.cut(KEPT_WHEN_FULL, KEPT_WHEN_FULL)
      if (stream.diskBytes() > LARGEST_AREA) return stream.cut(KEPT_HEAD, KEPT_TAIL)
      return 0
    },
  }
}
