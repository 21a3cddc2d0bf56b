import type { ConsoleChunk, ConsoleEvent, ConsoleGap } from './console-event.ts'
import { createTerminalFilter, withoutEscapes } from './terminal-filter.ts'

const ESC = '\x1b['
const RESET = `${ESC}0m`

export type PainterOptions = {
  hasTimes: boolean
  /** Whether an event is drawn at all. */
  isShown(event: ConsoleEvent): boolean
  /** Characters in a line. */
  columns: number
  /** Red, green, blue of the accent and of the ground behind system lines. */
  accent: readonly [number, number, number]
  tint: readonly [number, number, number]
  clock(at: string): string
  /** Words for the day of a time when it is another one than that of the time before; of today, when that is null. */
  newDay(before: string | null, at: string): string | null
  /** Words for what is missing between two times; null where nothing is known to be before or behind it. */
  gapText(gap: ConsoleGap, from: string | null, to: string | null): string
}

const foreground = ([red, green, blue]: readonly [number, number, number]) => `${ESC}38;2;${red};${green};${blue}m`
const background = ([red, green, blue]: readonly [number, number, number]) => `${ESC}48;2;${red};${green};${blue}m`

/** Turns events into what the terminal writes: times, own commands, system lines and gaps. Keeps the game's colours over its lines. */
export function createConsolePainter(options: PainterOptions) {
  const filter = createTerminalFilter()
  let isLineStart = true
  let returned = false
  let colours = ''

  const time = (at: string) => (options.hasTimes ? `${options.clock(at)}  ` : '')
  const prefix = (at: string) => (options.hasTimes ? `${RESET}${ESC}90m${time(at)}${RESET}${colours}` : '')
  const freshLine = () => {
    if (isLineStart) return ''
    isLineStart = true
    return '\r\n'
  }

  const output = (text: string, at: string) => {
    let painted = ''
    for (const [part] of filter(text).matchAll(/\x1b\[[\d;:]*[mK]|\r\n|[\r\n]|[^\x1b\r\n]+/g)) {
      if (part === '\n' || part === '\r\n') {
        if (isLineStart) painted += prefix(at)
        painted += `${RESET}\r\n${colours}`
        isLineStart = true
        returned = false
      } else if (part === '\r') {
        // Only what follows tells whether a line is written over or a line break was cut in two.
        returned = !isLineStart
      } else if (part.startsWith('\x1b')) {
        painted += part
        if (part.endsWith('m')) colours = /^\x1b\[0*m$/.test(part) ? '' : `${colours}${part}`.slice(-256).replace(/^[^\x1b]+/, '')
      } else {
        if (isLineStart) painted += prefix(at)
        else if (returned) painted += options.hasTimes ? `\r${ESC}${time(at).length}C` : '\r'
        painted += part
        isLineStart = false
        returned = false
      }
    }
    return painted
  }

  const chunk = (event: ConsoleChunk) => {
    if (event.kind === 'OUTPUT') return output(event.text, event.at)
    const lines = withoutEscapes(event.text)
      .split(/\r\n|[\r\n]/)
      .filter((line) => line !== '')
    const actor = event.actor === null ? '' : `   ${ESC}90m${withoutEscapes(event.actor).replaceAll(/[\r\n]/g, '')}`
    const painted = lines.map((line) =>
      event.kind === 'INPUT'
        ? `${RESET}${ESC}90m${time(event.at)}${RESET}${foreground(options.accent)}> ${ESC}1m${line}${RESET}${actor}${RESET}\r\n`
        : `${RESET}${background(options.tint)}${foreground(options.accent)}${time(event.at)}▌ ${line}${ESC}K${RESET}\r\n`,
    )
    return `${freshLine()}${painted.join('')}${colours}`
  }

  /** Gaps wait for what follows them: it tells when they ended. */
  let held: ConsoleGap[] = []
  let lastAt: string | null = null
  const gaps = (until: string | null) => {
    const painted = held.map((gap) => {
      const text = ` ${options.gapText(gap, lastAt, until)} `
      const dashes = Math.max(2, Math.floor((options.columns - text.length) / 2) - 1)
      return `${freshLine()}${RESET}${ESC}33m${'╌'.repeat(dashes)}${text}${'╌'.repeat(dashes)}${RESET}\r\n${colours}`
    })
    held = []
    return painted.join('')
  }

  /** Times tell no day: where another one begins, a line does. A line of the game is not cut for it. */
  let dayAt: string | null = null
  const day = (at: string) => {
    const words = options.hasTimes && isLineStart ? options.newDay(dayAt, at) : null
    if (isLineStart) dayAt = at
    return words === null ? '' : `${RESET}${ESC}90m── ${words} ──${RESET}\r\n${colours}`
  }

  return {
    /** What the terminal writes for one event. A gap is written with the next chunk. */
    paint(event: ConsoleEvent): string {
      if (event.__typename === 'ConsoleGap') {
        held.push(event)
        return ''
      }
      const painted = gaps(event.at) + (options.isShown(event) ? day(event.at) + chunk(event) : '')
      lastAt = event.at
      return painted
    },
    /** What the terminal writes when nothing follows for a while. */
    flush: () => gaps(null),
  }
}
