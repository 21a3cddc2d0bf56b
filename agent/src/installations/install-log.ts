import { appendFileSync } from 'node:fs'

/** The api keeps as much. */
const LARGEST_LOG = 2 ** 20

/** The log of an install: bounded, as a file and as it is told. */
export type InstallLog = { append(output: string): void; isFull(): boolean }

/** @param onText called with what was added */
export function createInstallLog(file: string, onText: (text: string) => void): InstallLog {
  let length = 0
  return {
    append(output) {
      const room = LARGEST_LOG - length
      if (room <= 0) return
      // Databases take no NUL in text.
      const whole = output.replaceAll('\0', '\uFFFD')
      const text = whole.length <= room ? whole : `${whole.slice(0, room)}\n[the rest of the log is left out]\n`
      length += text.length
      try {
        appendFileSync(file, text, { mode: 0o600 })
      } catch {
        // A full disk must not end the agent; the api still gets the text.
      }
      onText(text)
    },
    isFull: () => length >= LARGEST_LOG,
  }
}
