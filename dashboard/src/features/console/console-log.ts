import { reactive, readonly } from 'vue'
import type { ConsoleEvent } from './console-event.ts'
import { createConsoleWindow, linesOf } from './console-window.ts'

/** Some of a console, in order. `hasMore`: there is more in the direction that was asked for. */
export type ConsolePage = { events: ConsoleEvent[]; hasMore: boolean }

export type LogSource = {
  /** What ends at a position. */
  before(position: number): Promise<ConsolePage>
  /** What begins at a position. */
  after(position: number): Promise<ConsolePage>
  /** What ends and what begins at a position. */
  around(position: number): Promise<{ before: ConsolePage; after: ConsolePage }>
  /** Goes on behind a position, live; null: behind the last lines. */
  restart(after: number | null): void
}

export type LogScreen = {
  /** Writes behind what is there. */
  append(event: ConsoleEvent): void
  /** Draws all anew, and shows its end, the place that was in view, or a position. */
  redraw(events: readonly ConsoleEvent[], view: 'end' | 'place' | number): void
  toEnd(): void
  /** Whether it draws an event: what it does not draw is new to nobody. */
  isShown(event: ConsoleEvent): boolean
}

export type LogState = {
  /** `live`: what comes is appended. `past`: older lines are shown, what comes is counted. `arriving`: nothing has come yet. */
  mode: 'live' | 'past' | 'arriving'
  /** The reader looks at something above the end. */
  isReading: boolean
  /** What came since then. */
  newLines: number
  loading: 'older' | 'newer' | 'place' | null
  /** What could not be read, and may be tried again. */
  failed: 'older' | 'newer' | 'place' | null
}

const isChain = (events: readonly ConsoleEvent[], from: number | null, to: number | null) =>
  events.every((event, index) => event.from === (index === 0 ? (from ?? event.from) : events[index - 1]?.to)) &&
  (to === null || events.at(-1)?.to === to)

/**
 * What of a console is on the screen: a piece of bounded size without a hole, that grows at its end while it is live, and at both
 * ends as one reads on. Lines are never moved under the reader: when a live piece is full, it stays as it is until he returns.
 */
export function createConsoleLog(source: LogSource, screen: LogScreen, mostLines: number) {
  const shown = createConsoleWindow(mostLines)
  const state = reactive<LogState>({ mode: 'arriving', isReading: false, newLines: 0, loading: null, failed: null })
  let hasOlder = true
  /** Grows when another place is shown: what was asked for the old one is of no use then. */
  let epoch = 0
  let place = 0

  /** A page from the oldest line on begins with what was pruned before it, as a gap. */
  const withBeginning = (events: ConsoleEvent[], hasMore: boolean, before: number): ConsoleEvent[] => {
    hasOlder = hasMore
    const [first, ...rest] = events
    const from = first?.from ?? before
    if (hasMore || from === 0) return events
    if (first?.__typename === 'ConsoleGap' && first.reason === 'RETENTION') return [{ ...first, from: 0 }, ...rest]
    return [{ __typename: 'ConsoleGap', from: 0, to: from, reason: 'RETENTION' }, ...events]
  }

  /** Reads one page at a time; an answer that does not fit what is shown is a failure like any other. */
  async function load<T>(what: 'older' | 'newer' | 'place', read: () => Promise<T>, show: (answer: T) => boolean): Promise<void> {
    const mine = epoch
    state.loading = what
    state.failed = null
    const isShown = await read().then(
      (answer) => mine !== epoch || show(answer),
      () => false,
    )
    if (mine !== epoch) return
    state.loading = null
    if (!isShown) state.failed = what
  }
  const leavePlace = () => {
    epoch += 1
    state.loading = null
    state.failed = null
  }
  const follow = () => {
    state.newLines = 0
    if (state.mode !== 'past') {
      screen.toEnd()
      return
    }
    leavePlace()
    // The old lines stay until the first new ones are there.
    state.mode = 'arriving'
    source.restart(null)
  }

  return {
    state: readonly(state),
    events: shown.all,
    /** Takes what the stream brings, in order. */
    received(event: ConsoleEvent): void {
      if (state.mode === 'arriving') {
        hasOlder = true
        state.mode = 'live'
        shown.replace([event])
        screen.redraw(shown.all(), 'end')
        return
      }
      if (state.mode === 'live' && state.isReading && !shown.hasRoomFor(event)) state.mode = 'past'
      if ((state.mode === 'past' || state.isReading) && screen.isShown(event)) state.newLines += linesOf(event)
      if (state.mode === 'past') return
      if (shown.append([event])) hasOlder = true
      screen.append(event)
    },
    /** Tells whether the reader is above the end. */
    setReading(isReading: boolean): void {
      state.isReading = isReading
      if (!isReading && state.mode === 'live') state.newLines = 0
    },
    /** Loads what is before the oldest line. */
    async older(): Promise<void> {
      const at = shown.from
      if (state.mode === 'arriving' || state.loading !== null || !hasOlder || at === null || at === 0) return
      await load(
        'older',
        () => source.before(at),
        (page) => {
          const events = withBeginning(page.events, page.hasMore, at)
          if (!isChain(events, null, events.length === 0 ? null : at)) return false
          if (shown.prepend(events) && state.mode === 'live') state.mode = 'past'
          screen.redraw(shown.all(), 'place')
          return true
        },
      )
    },
    /** Loads older lines for a screen that shows few of those that are there, while no newer one must go for them. */
    async fill(): Promise<void> {
      if (!shown.hasEnough) await this.older()
    },
    /** Loads what is behind the newest line of the past; goes on live from its end. */
    async newer(): Promise<void> {
      const at = shown.to
      if (state.mode !== 'past' || state.loading !== null || at === null) return
      await load(
        'newer',
        () => source.after(at),
        (page) => {
          if (!isChain(page.events, at, null)) return false
          if (shown.append(page.events)) {
            hasOlder = true
            screen.redraw(shown.all(), 'place')
          } else page.events.forEach(screen.append)
          if (!page.hasMore) {
            state.mode = 'live'
            state.newLines = 0
            source.restart(shown.to)
          }
          return true
        },
      )
    },
    /** Shows the lines around a position. */
    async goTo(position: number): Promise<void> {
      leavePlace()
      place = position
      if (state.mode !== 'past') state.newLines = 0
      state.mode = 'past'
      await load(
        'place',
        () => source.around(position),
        ({ before, after }) => {
          const found = [...before.events, ...after.events]
          if (!isChain(found, null, null)) return false
          if (found.length === 0) {
            follow()
            return true
          }
          const events = withBeginning(found, before.hasMore, position)
          shown.replace(events)
          screen.redraw(shown.all(), position)
          return true
        },
      )
    },
    /** Back to the newest lines, live. */
    follow,
    /** Tries again what failed. */
    async again(): Promise<void> {
      if (state.failed === 'older') await this.older()
      else if (state.failed === 'newer') await this.newer()
      else await this.goTo(place)
    },
  }
}
