import type { Model } from './linearizability.ts'

/** What operators do to one server, with the answers that they got. */
export type WishOperation =
  | { kind: 'start' | 'stop' | 'restart' | 'kill'; answer: 'accepted' | 'refused' }
  | { kind: 'look'; wanted: 'RUNNING' | 'STOPPED' }

/**
 * The wish of one server. What its node does meanwhile is not known to the model, so that an order is refused only when it
 * says what is wanted already; whoever looks sees the newest wish.
 */
export const WISH_MODEL: Model<'RUNNING' | 'STOPPED', WishOperation> = {
  first: 'STOPPED',
  step(wanted, operation) {
    if (operation.kind === 'look') return operation.wanted === wanted ? wanted : null
    const wish = operation.kind === 'start' || operation.kind === 'restart' ? 'RUNNING' : 'STOPPED'
    if (operation.answer === 'accepted') return wish
    // A restart is never what is there already.
    return operation.kind !== 'restart' && wish === wanted ? wanted : null
  },
}
