import { createTerminalFilter } from './terminal-filter.ts'

const LINES_AT_ONCE = 2

export type SpokenLinesOptions = {
  say(text: string): void
  /** Words for lines that are left out. */
  more(count: number): string
  /** Runs after a second. Returns its withdrawal. */
  inASecond(run: () => void): () => void
}

/** Output for screen readers: two lines a second at most, then how many more there were. */
export function createSpokenLines({ say, more, inASecond }: SpokenLinesOptions) {
  let filter = createTerminalFilter()
  let rest = ''
  let waiting: string[] = []
  let left = 0
  let withdraw: (() => void) | null = null

  const speak = () => {
    withdraw = null
    if (waiting.length === 0) return
    say([...waiting, ...(left > 0 ? [more(left)] : [])].join('\n'))
    waiting = []
    left = 0
    withdraw = inASecond(speak)
  }
  return {
    /** Takes text as the game prints it, in pieces. */
    add(text: string): void {
      const lines = (rest + filter(text).replaceAll(/\x1b\[[\d;:]*[mK]|\r/g, '')).split('\n')
      // A line without end is spoken when it ends, and its beginning alone when it is very long.
      rest = lines.pop()?.slice(0, 1000) ?? ''
      for (const line of lines) {
        if (line.trim() === '') continue
        if (waiting.length < LINES_AT_ONCE) waiting.push(line)
        else left += 1
      }
      if (withdraw === null) speak()
    },
    stop(): void {
      withdraw?.()
      withdraw = null
      waiting = []
      left = 0
      rest = ''
      filter = createTerminalFilter()
    },
  }
}
