import { FitAddon } from '@xterm/addon-fit'
import { Terminal, type IDecoration } from '@xterm/xterm'
import { onMounted, onScopeDispose, readonly, ref, watch, type Ref } from 'vue'
import { channels } from '../../theme/contrast.ts'
import { palettes, searchMarks, type ThemeName } from '../../theme/tokens.ts'
import type { ConsoleEvent, ConsoleGap } from './console-event.ts'
import { isOfKinds, type Kind } from './console-kinds.ts'
import type { LogScreen } from './console-log.ts'
import { createConsolePainter } from './console-painter.ts'
import { linesOf, positionAway } from './console-window.ts'
import { createLandmarks } from './terminal-landmarks.ts'
import { silence, scrollByKeys } from './terminal-keys.ts'
import { FONT, terminalTheme } from './terminal-theme.ts'
import { useTerminalSearch } from './use-terminal-search.ts'

/** Rows kept while new ones come; those who read on need more: lines of a window can be wrapped. */
const SCROLLBACK = { following: 10_000, reading: 60_000 }
/** A place is remembered every so many lines. */
const LANDMARK_LINES = 500
/** A gap is written without what follows it after this. */
const GAP_WAITS_MS = 300
/** Drawing anew in one go: nothing of it is seen before its end. */
const BEGIN = '\x1b[?2026h'
const END = '\x1b[?2026l'

export type ConsoleTerminalOptions = {
  theme: Readonly<Ref<ThemeName>>
  hasTimes: Readonly<Ref<boolean>>
  isScreenReader: Readonly<Ref<boolean>>
  fontSize: Readonly<Ref<number>>
  kinds: Readonly<Ref<readonly Kind[]>>
  clock(at: string): string
  newDay(before: string | null, at: string): string | null
  gapText(gap: ConsoleGap, from: string | null, to: string | null): string
  /** What is to be drawn when colours or times change. */
  events(): readonly ConsoleEvent[]
  /** Whether the end that is shown is the end that grows. */
  isLive(): boolean
  /** The reader has left the end, or come back to it. */
  scrolled(isReading: boolean): void
  /** The reader nears the first row, or has come to the last one. */
  reached(edge: 'top' | 'end'): void
  /** What is shown leaves room on the screen. */
  unfilled(): void
}

/** Rows below a position of the console; the first row of the screen. */
type Place = { position: number; rows: number }

/** The terminal below a console: drawing, scrolling, searching, copying. Nothing typed into it goes anywhere. */
export function useConsoleTerminal(host: Ref<HTMLElement | null>, options: ConsoleTerminalOptions) {
  const fit = new FitAddon()
  const terminal = new Terminal({
    disableStdin: true,
    convertEol: false,
    cursorInactiveStyle: 'none',
    cursorStyle: 'bar',
    fontFamily: `${FONT}, monospace`,
    fontSize: options.fontSize.value,
    lineHeight: 1.35,
    scrollback: SCROLLBACK.following,
    minimumContrastRatio: 4.5,
    allowProposedApi: true,
    linkHandler: null,
    screenReaderMode: options.isScreenReader.value,
    theme: terminalTheme(options.theme.value),
  })
  const isAtEnd = ref(true)
  const landmarks = createLandmarks()
  let isOpen = false
  let observer: ResizeObserver | null = null
  /** Drawings under way: rows are on the move, and no reader's doing. */
  let drawings = 0
  let drawnPlace: Place | null = null
  /** The position that was asked for, and its mark. */
  let pointed: number | null = null
  let lastRow = 0
  let linesSinceLandmark = 0
  let gapTimer: ReturnType<typeof setTimeout> | undefined
  let pointer: IDecoration | undefined

  const isShown = (event: ConsoleEvent) => isOfKinds(event, options.kinds.value)
  const newPainter = () =>
    createConsolePainter({
      hasTimes: options.hasTimes.value,
      isShown,
      columns: terminal.cols,
      accent: channels(palettes[options.theme.value].accent),
      tint: channels(palettes[options.theme.value].selected),
      clock: options.clock,
      newDay: options.newDay,
      gapText: options.gapText,
    })
  let painter = newPainter()

  const markRow = (position: number) => {
    linesSinceLandmark = 0
    terminal.write('', () => {
      landmarks.add(position, terminal.registerMarker(0))
    })
  }
  const paint = (event: ConsoleEvent, isLandmark: boolean) => {
    if (isLandmark || linesSinceLandmark >= LANDMARK_LINES) markRow(event.from)
    if (isShown(event)) linesSinceLandmark += linesOf(event)
    terminal.write(painter.paint(event))
  }
  const flushGap = () => {
    clearTimeout(gapTimer)
    terminal.write(painter.flush())
  }
  /** The window's first row is there: the terminal has let go of none of it. */
  const hasFirstRow = () => {
    const [first] = options.events()
    return first === undefined || landmarks.rowOf(first.from) !== null
  }
  const nearTop = () => {
    if (hasFirstRow()) options.reached('top')
    else redraw(options.events(), 'place')
  }
  const look = () => {
    if (drawings > 0) return
    const { viewportY, baseY } = terminal.buffer.active
    const moved = viewportY - lastRow
    lastRow = viewportY
    const wasAtEnd = isAtEnd.value
    isAtEnd.value = viewportY >= baseY
    if (wasAtEnd !== isAtEnd.value) {
      options.scrolled(!isAtEnd.value)
      keepRows()
    }
    if (moved < 0 && viewportY < terminal.rows) nearTop()
    if (moved > 0 && isAtEnd.value) options.reached('end')
  }
  const keepRows = () => {
    const rows = isAtEnd.value && options.isLive() ? SCROLLBACK.following : SCROLLBACK.reading
    if (terminal.options.scrollback !== rows) terminal.options.scrollback = rows
  }
  const point = () => {
    const row = pointed === null ? null : landmarks.rowOf(pointed)
    if (row === null) return
    const marker = terminal.registerMarker(row - terminal.buffer.active.baseY - terminal.buffer.active.cursorY)
    pointer = terminal.registerDecoration({ marker, width: terminal.cols, backgroundColor: searchMarks[options.theme.value].match })
  }
  const placeOf = (view: 'end' | 'place' | number, from: number): Place | null => {
    if (view === 'end') return null
    if (view !== 'place') return { position: view, rows: -Math.floor(terminal.rows / 3) }
    // Rows of a drawing under way tell nothing: it has the place.
    if (drawings > 0) return drawnPlace
    return isAtEnd.value ? null : landmarks.nearest(terminal.buffer.active.viewportY, from)
  }
  /** The terminal scrolls by pixels from where it last drew: what that was off by shows at the first attempt, and goes at the second. */
  const scrollToRow = (row: number) => {
    terminal.scrollToLine(row)
    terminal.scrollToLine(row)
  }
  /** Ends a drawing: the last one shows its place. */
  const settle = () => {
    drawings -= 1
    if (drawings > 0 || !isOpen) return
    const row = drawnPlace === null ? null : landmarks.rowOf(drawnPlace.position)
    if (drawnPlace === null || row === null) terminal.scrollToBottom()
    else scrollToRow(Math.max(0, row + drawnPlace.rows))
    lastRow = terminal.buffer.active.viewportY
    look()
    keepRows()
    // A short page leaves the reader at the top, where he cannot scroll on.
    if (!isAtEnd.value && lastRow === 0) options.reached('top')
    if (terminal.buffer.active.baseY === 0) options.unfilled()
  }
  function redraw(events: readonly ConsoleEvent[], view: 'end' | 'place' | number, place = placeOf(view, events[0]?.from ?? 0)) {
    if (!isOpen) return
    const [first] = events
    if (view !== 'place') pointed = view === 'end' ? null : view
    drawings += 1
    drawnPlace = place
    clearTimeout(gapTimer)
    pointer?.dispose()
    if (view !== 'end') terminal.options.scrollback = SCROLLBACK.reading
    // In the order of what is being written: what was written before must not come behind.
    terminal.write('\x1bc', () => {
      landmarks.clear()
    })
    terminal.write(BEGIN)
    painter = newPainter()
    linesSinceLandmark = 0
    for (const event of events) paint(event, event === first || event.from === place?.position || event.from === pointed)
    terminal.write(painter.flush(), () => {
      settle()
      point()
    })
    terminal.write(END)
  }
  const resize = () => {
    if (!isOpen || host.value === null || host.value.clientHeight === 0) return
    drawnPlace = placeOf('place', 0)
    drawings += 1
    fit.fit()
    // How far the terminal can be scrolled follows in the next frame.
    requestAnimationFrame(() => requestAnimationFrame(settle))
  }
  /** Where nothing can be scrolled, the wish to is all there is. */
  const wheel = (event: WheelEvent) => {
    if (event.deltaY < 0 && drawings === 0 && terminal.buffer.active.viewportY === 0) nearTop()
  }
  let firstView: 'end' | 'place' | number = 'end'

  onMounted(async () => {
    // The cell size is measured once: with the right font, or wrongly for ever.
    await document.fonts.load(`12.5px ${FONT}`).catch(() => undefined)
    const element = host.value
    if (element === null) return
    terminal.loadAddon(fit)
    terminal.open(element)
    isOpen = true
    silence(terminal)
    scrollByKeys(terminal, nearTop)
    terminal.onScroll(look)
    terminal.onRender(look)
    element.addEventListener('wheel', wheel, { passive: true })
    observer = new ResizeObserver(resize)
    observer.observe(element)
    resize()
    redraw(options.events(), firstView)
  })
  watch(options.theme, (theme) => {
    terminal.options.theme = terminalTheme(theme)
    redraw(options.events(), 'place')
  })
  watch(options.hasTimes, () => {
    redraw(options.events(), 'place')
  })
  watch(options.kinds, (_now, before) => {
    const events = options.events()
    const place = placeOf('place', 0)
    // Rows come and go: what was in view is found again by what stood there.
    const inView = (at: Place) => {
      const drawn = events.filter((event) => isOfKinds(event, before))
      return { position: positionAway(drawn, at.position, at.rows), rows: 0 }
    }
    redraw(events, 'place', place === null ? null : inView(place))
  })
  watch(options.isScreenReader, (isOn) => {
    terminal.options.screenReaderMode = isOn
    if (isOn) silence(terminal)
  })
  watch(options.fontSize, (size) => {
    terminal.options.fontSize = size
    resize()
  })
  onScopeDispose(() => {
    isOpen = false
    clearTimeout(gapTimer)
    observer?.disconnect()
    host.value?.removeEventListener('wheel', wheel)
    terminal.dispose()
  })

  const screen: LogScreen = {
    append(event) {
      if (!isOpen) return
      clearTimeout(gapTimer)
      keepRows()
      paint(event, false)
      if (event.__typename === 'ConsoleGap') gapTimer = setTimeout(flushGap, GAP_WAITS_MS)
    },
    redraw(events, view) {
      firstView = view
      redraw(events, view)
    },
    toEnd() {
      terminal.scrollToBottom()
    },
    isShown,
  }
  return {
    screen,
    isAtEnd: readonly(isAtEnd),
    search: useTerminalSearch(terminal, options.theme),
    /** The selection, or everything that is loaded. */
    plainText(): string {
      if (terminal.hasSelection()) return terminal.getSelection()
      terminal.selectAll()
      const text = terminal.getSelection()
      terminal.clearSelection()
      return text.replace(/\n+$/, '\n')
    },
    /** The newest lines with something on them. */
    lastLines(count: number): string[] {
      const buffer = terminal.buffer.active
      const lines: string[] = []
      for (let index = buffer.length - 1; index >= 0 && lines.length < count; index -= 1) {
        const line = buffer.getLine(index)?.translateToString(true) ?? ''
        if (line !== '') lines.unshift(line)
      }
      return lines
    },
  }
}
