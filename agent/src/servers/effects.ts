import type { ServerRecord } from '../state/records.ts'
import { describeExit } from './exit-reason.ts'
import type { OwnEvent } from './runner-core.ts'
import type { RunnerEffect, RunnerEvent, Transition } from './server-state.ts'

/** What a transition changes in the record, and what it is told as. */
export type Consequence = { change: Partial<ServerRecord>; events: OwnEvent[] }

/** Whether a start is somebody's new wish: earlier crashes do not count against it. */
const isFresh = (event: RunnerEvent) => event.kind === 'restart' || (event.kind === 'wanted' && event.isNews)

function consequenceOf(record: ServerRecord, event: RunnerEvent, effect: RunnerEffect): Partial<Consequence> {
  const { generation } = record.assignment
  switch (effect.kind) {
    case 'start':
      return {
        change: {
          // A restart is ordered for a generation that may be settled already: its start is not to be reported as over.
          settledGeneration: 0,
          startedGeneration: generation,
          wasKilled: false,
          stopSentAt: null,
          ...(isFresh(event) ? { restarts: [] } : {}),
        },
      }
    case 'settle':
      return { change: { settledGeneration: generation } }
    case 'problem':
      return { change: { problem: effect.problem } }
    case 'cancelPlan':
      return { change: { restart: null } }
    case 'plan': {
      if (event.kind !== 'exited' || event.then.kind !== 'RESTART') return {}
      const { restart, restarts } = event.then
      const { attempt, at, reason } = restart
      return {
        change: { restart, restarts },
        events: [{ kind: 'RESTART_PLANNED', runId: record.runId, attempt, nextAt: at, message: reason }],
      }
    }
    case 'exit': {
      if (event.kind !== 'exited') return {}
      const { code, reason, at, then } = event
      const message = then.kind === 'LOST' ? 'The machine was restarted.' : describeExit(reason, code)
      const exited: OwnEvent = { kind: 'EXITED', runId: record.runId, code, reason, at, message }
      return {
        change: { lastExit: { code, reason, at }, runningSince: null, pendingExit: null },
        events:
          then.kind === 'GIVE_UP'
            ? [exited, { kind: 'GAVE_UP', runId: record.runId, attempt: then.attempts, message: 'It ended too often in a short time.' }]
            : [exited],
      }
    }
    case 'stop':
    case 'kill':
      return {}
  }
}

/** Pure: what is stored, all at once, before any effect is acted on. */
export function consequencesOf(record: ServerRecord, event: RunnerEvent, next: Transition): Consequence {
  const change: Partial<ServerRecord> = { state: next.state, startsAgain: next.startsAgain }
  const events: OwnEvent[] = event.kind === 'ready' && next.state !== record.state ? [{ kind: 'READY', runId: record.runId }] : []
  for (const effect of next.effects) {
    const consequence = consequenceOf(record, event, effect)
    Object.assign(change, consequence.change)
    events.push(...(consequence.events ?? []))
  }
  return { change, events }
}
