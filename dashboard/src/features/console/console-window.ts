import type { ConsoleEvent } from './console-event.ts'

/** Characters that count as a line when nothing ends them. No terminal is that wide, so a window has no fewer rows than it counts. */
const WIDEST_LINE = 400

/** Lines of an event, at least 1. */
export function linesOf(event: ConsoleEvent): number {
  if (event.__typename === 'ConsoleGap') return 1
  let lines = 0
  for (let at = event.text.indexOf('\n'); at !== -1; at = event.text.indexOf('\n', at + 1)) lines += 1
  return Math.max(1, lines, Math.ceil(event.text.length / WIDEST_LINE))
}

/** Where the event begins that stands so many lines below another one; above it, when there are less than none. */
export function positionAway(events: readonly ConsoleEvent[], from: number, lines: number): number {
  let index = events.findIndex((event) => event.from >= from)
  let left = lines
  for (let event = events[index]; event !== undefined && left >= linesOf(event); event = events[index]) {
    left -= linesOf(event)
    index += 1
  }
  for (let event = events[index - 1]; event !== undefined && left < 0; event = events[index - 1]) {
    left += linesOf(event)
    index -= 1
  }
  return events[index]?.from ?? from
}

/**
 * Events that follow each other, bounded by their lines: what is added at one end pushes out whole events at the other. Up to a
 * quarter more is kept, so that not every line pushes one out.
 */
export function createConsoleWindow(mostLines: number) {
  let events: ConsoleEvent[] = []
  let lines = 0
  const count = (added: readonly ConsoleEvent[]) => {
    for (const event of added) lines += linesOf(event)
  }
  const isFull = () => lines > mostLines * 1.25

  return {
    all: (): readonly ConsoleEvent[] => events,
    /** Where it begins; null when it is empty. */
    get from() {
      return events[0]?.from ?? null
    },
    /** Where it ends; null when it is empty. */
    get to() {
      return events.at(-1)?.to ?? null
    },
    /** Whether there are as many lines as are wanted. */
    get hasEnough() {
      return lines >= mostLines
    },
    /** Whether an event can be added without pushing out others. */
    hasRoomFor: (event: ConsoleEvent): boolean => lines + linesOf(event) <= mostLines * 1.25,
    replace(next: readonly ConsoleEvent[]): void {
      events = [...next]
      lines = 0
      count(events)
    },
    /** True when older ones were pushed out. */
    append(added: readonly ConsoleEvent[]): boolean {
      events.push(...added)
      count(added)
      if (!isFull()) return false
      let gone = 0
      for (const event of events.slice(0, -1)) {
        if (lines <= mostLines) break
        lines -= linesOf(event)
        gone += 1
      }
      events = events.slice(gone)
      return gone > 0
    },
    /** True when newer ones were pushed out. */
    prepend(added: readonly ConsoleEvent[]): boolean {
      events = [...added, ...events]
      count(added)
      if (!isFull()) return false
      const before = events.length
      let kept = before
      // What was next to the added ones stays: somebody looks at it.
      for (const event of events.slice(added.length + 1).toReversed()) {
        if (lines <= mostLines) break
        lines -= linesOf(event)
        kept -= 1
      }
      events = events.slice(0, kept)
      return kept < before
    },
  }
}
