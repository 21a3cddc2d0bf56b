import type { ServerState, ServerStatus } from '../../gql/graphql.ts'
import type { PowerVerb } from './server-state.ts'

export type BulkVerb = PowerVerb | 'delete'
/** `open`: on its way. `waiting`: taken, and waits for the node. */
export type BulkOutcome = 'open' | 'done' | 'waiting' | 'failed' | 'refused'

type Entry = {
  isAnswered: boolean
  refusal: string | null
  /** When its run began before the order. */
  runningSince: string | null
  /** As it is now; null when it is gone. */
  now: { status: ServerStatus; state: ServerState; runningSince: string | null; waitingCommand: object | null } | null
}

const hasEnded = (status: ServerStatus) => status === 'STOPPED' || status === 'CRASHED' || status === 'ERROR'

/** Where one server of a bulk order has come to, by what its node reports. */
export function bulkOutcome(verb: BulkVerb, { isAnswered, refusal, runningSince, now }: Entry): BulkOutcome {
  if (refusal !== null) return 'refused'
  if (!isAnswered) return 'open'
  if (now === null) return verb === 'delete' ? 'done' : 'failed'
  if (now.waitingCommand !== null || now.status === 'UNKNOWN') return 'waiting'
  switch (verb) {
    case 'start':
      return now.status === 'RUNNING' ? 'done' : now.status === 'CRASHED' || now.status === 'ERROR' ? 'failed' : 'open'
    case 'restart':
      // The old run is shown as running until the node took the order.
      if (now.status === 'RUNNING') return now.runningSince === runningSince ? 'open' : 'done'
      return now.status === 'CRASHED' || now.status === 'ERROR' ? 'failed' : 'open'
    case 'stop':
    case 'kill':
      return hasEnded(now.status) ? 'done' : 'open'
    case 'delete':
      return 'open'
  }
}
