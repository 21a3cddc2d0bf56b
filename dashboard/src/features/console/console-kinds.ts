import type { ConsoleChunk, ConsoleEvent } from './console-event.ts'

/** What of a console can be shown or not, as the address names it. */
export const KINDS = ['output', 'commands', 'notices'] as const
export type Kind = (typeof KINDS)[number]

const NAMES: Record<ConsoleChunk['kind'], Kind> = { OUTPUT: 'output', INPUT: 'commands', NOTICE: 'notices' }

/** The kinds that a text names; all when it names none. */
export function kindsIn(text: string): readonly Kind[] {
  const named = text.split(',')
  const kinds = KINDS.filter((kind) => named.includes(kind))
  return kinds.length === 0 ? KINDS : kinds
}

/** The text that names kinds; empty for all. */
export const textOfKinds = (kinds: readonly Kind[]): string =>
  kinds.length === KINDS.length ? '' : KINDS.filter((kind) => kinds.includes(kind)).join(',')

/** Whether an event is of these kinds. What is missing may have been of any kind. */
export const isOfKinds = (event: ConsoleEvent, kinds: readonly Kind[]): boolean =>
  event.__typename === 'ConsoleGap' || kinds.includes(NAMES[event.kind])
