import type { ConsoleEvent } from './console-event.ts'

/** Events kept for painting anew when times or colours change, bounded by the characters of their texts. */
export function createConsoleHistory(mostCharacters: number) {
  let events: ConsoleEvent[] = []
  let size = 0
  const sizeOf = (event: ConsoleEvent) => (event.__typename === 'ConsoleChunk' ? event.text.length : 0) + 64
  return {
    add(event: ConsoleEvent): void {
      events.push(event)
      size += sizeOf(event)
      if (size <= mostCharacters * 1.25) return
      let first = 0
      while (size > mostCharacters) size -= sizeOf(events[first++] ?? event)
      events = events.slice(first)
    },
    all: (): readonly ConsoleEvent[] => events,
  }
}
