import type { SentCommand } from './command-history.ts'

/**
 * Completes a line from commands sent before: the newest that begins like it, then older ones, and at last none. So Tab always
 * comes to an end, and leaves the line; after `giveUp` it does so at once.
 */
export function createCommandCompletion(newestFirst: () => readonly SentCommand[]) {
  let typed = ''
  /** The line as it was completed last; the typed one when nothing is to be completed any more. */
  let completed: string | null = null
  let rest: SentCommand[] = []

  return {
    /** What completes the line next; null when nothing does. */
    next(line: string): SentCommand | null {
      if (line !== completed) {
        typed = line
        const texts = new Set([line])
        rest = newestFirst().filter(({ text }) => line !== '' && text.startsWith(line) && !texts.has(text) && texts.add(text))
      }
      const command = rest.shift() ?? null
      completed = command?.text ?? line
      return command
    },
    /** What was typed before it was completed. Nothing is completed until something else is typed. */
    giveUp(line: string): string {
      if (line !== completed) typed = line
      completed = typed
      rest = []
      return typed
    },
  }
}
