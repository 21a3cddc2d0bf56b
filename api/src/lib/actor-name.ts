import type { Actor } from './actor.ts'

/** Name of an actor as people see it in histories. */
export const nameOf = (actor: Actor): string => (actor.kind === 'user' ? actor.username : actor.name)
