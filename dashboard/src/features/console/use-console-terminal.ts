import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Terminal, type ITheme } from '@xterm/xterm'
import { onMounted, onScopeDispose, readonly, ref, watch, type Ref } from 'vue'
import { channels } from '../../theme/contrast.ts'
import { consolePalettes, palettes, searchMarks, type ThemeName } from '../../theme/tokens.ts'
import type { ConsoleEvent } from './console-event.ts'
import { createConsoleHistory } from './console-history.ts'
import { createConsolePainter } from './console-painter.ts'

export const SCROLLBACK_LINES = 10_000
const MOST_CHARACTERS = 4_000_000
const FONT = '"JetBrains Mono Variable"'

type Options = {
  theme: Readonly<Ref<ThemeName>>
  hasTimes: Readonly<Ref<boolean>>
  isScreenReader: Readonly<Ref<boolean>>
  fontSize: Readonly<Ref<number>>
  clock(at: string): string
  gapText(reason: string, bytes: number): string
}

function terminalTheme(theme: ThemeName): ITheme {
  const { red, green, yellow, blue, magenta, cyan, ...rest } = consolePalettes[theme]
  const { sunken, accent, control } = palettes[theme]
  return {
    ...rest,
    red,
    green,
    yellow,
    blue,
    magenta,
    cyan,
    brightRed: red,
    brightGreen: green,
    brightYellow: yellow,
    brightBlue: blue,
    brightMagenta: magenta,
    brightCyan: cyan,
    background: sunken,
    cursor: sunken,
    scrollbarSliderBackground: `${control}55`,
    scrollbarSliderHoverBackground: `${control}88`,
    scrollbarSliderActiveBackground: control,
    selectionBackground: `${accent}55`,
  }
}

/** The terminal below a console: writing, following, searching, copying. Nothing typed into it goes anywhere. */
export function useConsoleTerminal(host: Ref<HTMLElement | null>, options: Options) {
  const history = createConsoleHistory(MOST_CHARACTERS)
  const search = new SearchAddon()
  const fit = new FitAddon()
  const terminal = new Terminal({
    disableStdin: true,
    convertEol: false,
    cursorInactiveStyle: 'none',
    cursorStyle: 'bar',
    fontFamily: `${FONT}, monospace`,
    fontSize: options.fontSize.value,
    lineHeight: 1.35,
    scrollback: SCROLLBACK_LINES,
    minimumContrastRatio: 4.5,
    allowProposedApi: true,
    linkHandler: null,
    screenReaderMode: options.isScreenReader.value,
    theme: terminalTheme(options.theme.value),
  })
  const isFollowing = ref(true)
  const newLines = ref(0)
  const found = ref<{ index: number; count: number } | null>(null)
  let isOpen = false
  let observer: ResizeObserver | null = null

  const newPainter = () =>
    createConsolePainter({
      hasTimes: options.hasTimes.value,
      columns: terminal.cols,
      accent: channels(palettes[options.theme.value].accent),
      tint: channels(palettes[options.theme.value].selected),
      clock: options.clock,
      gapText: options.gapText,
    })
  let painter = newPainter()

  const look = () => {
    const { viewportY, baseY } = terminal.buffer.active
    isFollowing.value = viewportY >= baseY
    if (isFollowing.value) newLines.value = 0
  }
  const repaint = () => {
    terminal.reset()
    painter = newPainter()
    terminal.write(history.all().map(painter.paint).join(''), () => {
      terminal.scrollToBottom()
      look()
    })
  }
  const resize = () => {
    if (!isOpen || host.value === null || host.value.clientHeight === 0) return
    fit.fit()
  }
  const decorations = () => {
    const marks = searchMarks[options.theme.value]
    return {
      matchBackground: marks.match,
      activeMatchBackground: marks.active,
      matchOverviewRuler: marks.match,
      activeMatchColorOverviewRuler: marks.active,
    }
  }

  onMounted(async () => {
    // The cell size is measured once: with the right font, or wrongly for ever.
    await document.fonts.load(`12.5px ${FONT}`).catch(() => undefined)
    const element = host.value
    if (element === null) return
    terminal.loadAddon(fit)
    terminal.loadAddon(search)
    terminal.open(element)
    isOpen = true
    // Even without input xterm swallows Tab: a keyboard trap.
    terminal.attachCustomKeyEventHandler((event) => event.key !== 'Tab')
    terminal.onScroll(look)
    terminal.onRender(look)
    search.onDidChangeResults(({ resultIndex, resultCount }) => {
      found.value = { index: resultIndex, count: resultCount }
    })
    observer = new ResizeObserver(resize)
    observer.observe(element)
    resize()
    repaint()
  })
  watch(options.theme, (theme) => {
    terminal.options.theme = terminalTheme(theme)
    repaint()
  })
  watch(options.hasTimes, repaint)
  watch(options.isScreenReader, (isOn) => {
    terminal.options.screenReaderMode = isOn
  })
  watch(options.fontSize, (size) => {
    terminal.options.fontSize = size
    resize()
  })
  onScopeDispose(() => {
    observer?.disconnect()
    terminal.dispose()
  })

  return {
    isFollowing: readonly(isFollowing),
    newLines: readonly(newLines),
    found: readonly(found),
    add(event: ConsoleEvent): void {
      history.add(event)
      if (!isOpen) return
      if (!isFollowing.value) newLines.value += event.__typename === 'ConsoleChunk' ? event.text.split('\n').length - 1 : 1
      terminal.write(painter.paint(event))
    },
    follow(): void {
      terminal.scrollToBottom()
      look()
    },
    find(text: string, isBackwards: boolean): void {
      if (text === '') {
        search.clearDecorations()
        found.value = null
      } else if (isBackwards) search.findPrevious(text, { decorations: decorations() })
      else search.findNext(text, { decorations: decorations() })
    },
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
