import type { StateShape } from './state-look.ts'

/** Something that happened, as a timeline shows it. */
export type TimelineEntry = {
  id: string
  at: string
  shape: StateShape
  /** What happened, as one sentence. */
  text: string
  /** Why, and with what. */
  details: readonly string[]
  actor: string | null
}
