import { beforeEach, describe, expect, it } from 'vitest'
import type { ConsoleEvent } from './console-event.ts'
import { createConsoleLog, type ConsolePage } from './console-log.ts'

const MOST_LINES = 100
const PAGE_LINES = 40
/** Every line has as many bytes, so that positions are easy to tell. */
const lineAt = (index: number) => `line ${String(index).padStart(4, '0')}\n`
const BYTES = lineAt(0).length

const chunk = (from: number, text: string): ConsoleEvent => ({
  __typename: 'ConsoleChunk',
  from,
  to: from + text.length,
  kind: 'OUTPUT',
  runId: 'r',
  text,
  at: '2026-01-01T00:00:00.000Z',
  actor: null,
})

/** A console with `kept` as its oldest line; what is printed goes to the stream where that has got to. */
function createWorld(kept = 0) {
  let text = ''
  let streamed: number | null = null
  const oldest = kept * BYTES
  const restarts: (number | null)[] = []
  let held: PromiseWithResolvers<void> | null = null
  let isBroken = false
  let skew = 0
  let hidden = /^$/
  const drawn: { events: readonly ConsoleEvent[]; view: 'end' | 'place' | number }[] = []
  let screen: ConsoleEvent[] = []
  const piece = (from: number, to: number): ConsoleEvent[] => (from < to ? [chunk(from, text.slice(from, to))] : [])
  const before = (asked: number): ConsolePage => {
    const position = Math.min(asked, text.length)
    const from = Math.max(oldest, position - PAGE_LINES * BYTES)
    return { events: piece(from, position - skew), hasMore: from > oldest }
  }
  const after = (position: number): ConsolePage => {
    const to = Math.min(text.length, position + PAGE_LINES * BYTES)
    return { events: piece(position + skew, to), hasMore: to < text.length }
  }
  const answer = async <T>(page: () => T): Promise<T> => {
    await held?.promise
    if (isBroken) throw new Error('away')
    return page()
  }
  const bring = () => {
    if (streamed === null || streamed === text.length) return
    const from = streamed
    streamed = text.length
    log.received(chunk(from, text.slice(from)))
  }
  const log = createConsoleLog(
    {
      before: (position) => answer(() => before(position)),
      after: (position) => answer(() => after(position)),
      around: (position) => answer(() => ({ before: before(position), after: after(position) })),
      restart(position) {
        restarts.push(position)
        streamed = position ?? Math.max(oldest, text.length - PAGE_LINES * BYTES)
      },
    },
    {
      append: (event) => screen.push(event),
      redraw(events, view) {
        screen = [...events]
        drawn.push({ events, view })
      },
      toEnd: () => undefined,
      isShown: (event) => event.__typename === 'ConsoleGap' || !hidden.test(event.text),
    },
    MOST_LINES,
  )
  return {
    log,
    restarts,
    drawn,
    print(lines: number) {
      const first = text.length / BYTES
      for (let index = first; index < first + lines; index += 1) text += lineAt(index)
      bring()
    },
    /** Opens the stream with its tail, as a page does. */
    open() {
      streamed = Math.max(oldest, text.length - PAGE_LINES * BYTES)
      bring()
    },
    bring,
    break(isNow: boolean) {
      isBroken = isNow
    },
    hold() {
      const mine = Promise.withResolvers<void>()
      held = mine
      return mine.resolve
    },
    /** From now on what looks like this is not drawn. */
    hide(what: RegExp) {
      hidden = what
    },
    /** From now on pages have a hole of so many bytes. */
    skew(bytes: number) {
      skew = bytes
    },
    /** What is on the screen, as text; fails where something is missing or twice. */
    shown() {
      for (const [index, event] of screen.entries()) if (index > 0) expect(event.from).toBe(screen[index - 1]?.to)
      // A terminal lets go of its rows by itself: it may still have older ones.
      screen = screen.slice(-log.events().length)
      expect(screen).toEqual(log.events())
      return screen.map((event) => (event.__typename === 'ConsoleChunk' ? event.text : `<${event.reason} ${String(event.to)}>`)).join('')
    },
    lines: (from: number, to: number) => text.slice(from * BYTES, to * BYTES),
  }
}

let world: ReturnType<typeof createWorld>
beforeEach(() => {
  world = createWorld()
})

describe('createConsoleLog', () => {
  it('loads upwards, page by page, to the first line, while lines keep coming', async () => {
    world.print(90)
    world.open()
    expect(world.shown()).toBe(world.lines(50, 90))
    world.log.setReading(true)
    const release = world.hold()
    const older = world.log.older()
    world.print(1)
    release()
    await older
    expect(world.shown()).toBe(world.lines(10, 91))
    await world.log.older()
    world.print(1)
    expect(world.shown()).toBe(world.lines(0, 92))
    expect(world.log.state).toMatchObject({ mode: 'live', newLines: 2 })
    await world.log.older()
    expect(world.drawn.map(({ view }) => view)).toEqual(['end', 'place', 'place'])
  })

  it('shows what was pruned before the oldest line as a gap', async () => {
    world = createWorld(30)
    world.print(90)
    world.open()
    await world.log.older()
    expect(world.shown()).toBe(`<RETENTION ${String(30 * BYTES)}>${world.lines(30, 90)}`)
  })

  it('gives up newer lines when it reads far up, and goes on from there to live without a hole', async () => {
    world.print(300)
    world.open()
    world.log.setReading(true)
    for (let reads = 0; reads < 4; reads += 1) await world.log.older()
    expect(world.log.state.mode).toBe('past')
    expect(world.shown().startsWith(lineAt(100))).toBe(true)
    world.print(5)
    expect(world.log.state.newLines).toBe(5)
    for (let reads = 0; reads < 10 && world.log.state.mode === 'past'; reads += 1) {
      await world.log.newer()
      world.shown()
    }
    expect(world.log.state).toMatchObject({ mode: 'live', newLines: 0 })
    expect(world.restarts).toEqual([305 * BYTES])
    world.log.setReading(false)
    world.print(2)
    expect(world.shown().endsWith(world.lines(290, 307))).toBe(true)
  })

  it('holds still under a reader when it is full, and counts what comes', () => {
    world.print(40)
    world.open()
    world.log.setReading(true)
    for (let line = 0; line < 200; line += 1) world.print(1)
    expect(world.log.state).toMatchObject({ mode: 'past', newLines: 200 })
    expect(world.shown().startsWith(lineAt(0))).toBe(true)
    world.log.follow()
    world.bring()
    expect(world.log.state).toMatchObject({ mode: 'live', newLines: 0 })
    expect(world.shown()).toBe(world.lines(200, 240))
  })

  it('counts nothing that is not shown', () => {
    world.print(40)
    world.open()
    world.log.setReading(true)
    world.hide(/^line 004/)
    world.print(1)
    expect(world.log.state.newLines).toBe(0)
    world.hide(/^$/)
    world.print(1)
    expect(world.log.state.newLines).toBe(1)
    expect(world.shown()).toBe(world.lines(0, 42))
  })

  it('fills a screen that shows few lines, but gives up no newer ones for it', async () => {
    world.print(300)
    world.open()
    for (let fills = 0; fills < 9; fills += 1) await world.log.fill()
    expect(world.shown()).toBe(world.lines(180, 300))
    expect(world.log.state.mode).toBe('live')
  })

  it('lets the oldest lines go while it follows, and can load them again', async () => {
    world.print(40)
    world.open()
    for (let line = 0; line < 200; line += 1) world.print(1)
    const shown = world.shown()
    expect(shown.endsWith(lineAt(239))).toBe(true)
    expect(shown.length).toBeLessThanOrEqual(MOST_LINES * 1.25 * BYTES)
    await world.log.older()
    expect(world.shown().endsWith(shown.slice(0, BYTES * 20))).toBe(false)
    expect(world.shown()).toContain(shown.slice(0, BYTES * 20))
  })

  it('shows a place, keeps what comes out of it, and comes back', async () => {
    world.print(300)
    world.open()
    await world.log.goTo(150 * BYTES)
    expect(world.shown()).toBe(world.lines(110, 190))
    expect(world.drawn.at(-1)?.view).toBe(150 * BYTES)
    world.print(3)
    expect(world.log.state).toMatchObject({ mode: 'past', newLines: 3 })
    expect(world.shown()).toBe(world.lines(110, 190))
    world.log.follow()
    // The old lines stay until the first new ones are there.
    expect(world.shown()).toBe(world.lines(110, 190))
    world.bring()
    expect(world.shown()).toBe(world.lines(263, 303))
  })

  it('shows the latest place that was asked for', async () => {
    world.print(300)
    world.open()
    const answerFirst = world.hold()
    const first = Promise.all([world.log.older(), world.log.goTo(150 * BYTES)])
    const answerSecond = world.hold()
    const second = world.log.goTo(80 * BYTES)
    answerSecond()
    await second
    answerFirst()
    await first
    expect(world.shown()).toBe(world.lines(40, 120))
    expect(world.log.state).toMatchObject({ loading: null, failed: null })
  })

  it('says what could not be read, and reads it when asked again', async () => {
    world.print(90)
    world.open()
    world.break(true)
    await world.log.older()
    expect(world.log.state).toMatchObject({ loading: null, failed: 'older' })
    await world.log.goTo(0)
    expect(world.log.state.failed).toBe('place')
    world.break(false)
    await world.log.again()
    expect(world.log.state.failed).toBeNull()
    expect(world.shown()).toBe(world.lines(0, 40))
  })

  it('shows no page that leaves a hole', async () => {
    world.print(300)
    world.open()
    world.skew(BYTES)
    await world.log.older()
    expect(world.log.state.failed).toBe('older')
    expect(world.shown()).toBe(world.lines(260, 300))
    await world.log.goTo(80 * BYTES)
    expect(world.log.state.failed).toBe('place')
    world.skew(0)
    await world.log.again()
    world.skew(BYTES)
    await world.log.newer()
    expect(world.log.state.failed).toBe('newer')
    expect(world.shown()).toBe(world.lines(40, 120))
  })

  it('goes live where a place has nothing to show', async () => {
    await world.log.goTo(7)
    expect(world.restarts).toEqual([null])
    world.print(3)
    expect(world.shown()).toBe(world.lines(0, 3))
  })
})
