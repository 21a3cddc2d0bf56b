import type { Log } from '../lib/log.ts'
import type { ServerSample } from '../metrics/sampler.ts'
import type { Store } from '../state/store.ts'
import type { Connection } from './connection.ts'
import * as operations from './documents.ts'
import { createSender, type Sender } from './sender.ts'

const PER_MESSAGE = 200

export type OutboxSenders = { readonly results: Sender; readonly events: Sender; readonly samples: Sender; readonly nodeSamples: Sender }

export type OutboxOptions = {
  connection: Connection
  store: Store
  /** The api knows the server: what concerns another is of no use to anybody, and would be refused. */
  isAssigned: (serverId: string) => boolean
  /** Orders whose installation the api does not have to its end yet: their answer comes behind it. */
  openInstalls: () => ReadonlySet<string>
  log: Log
  onError: (error: unknown) => void
}

/** Sends what is kept in the store for the api: each in order, and out of the store only when the api has answered. */
export function createOutboxSenders({ connection, store, isAssigned, openInstalls, log, onError }: OutboxOptions): OutboxSenders {
  const { outbox } = store

  async function sendResults(): Promise<boolean> {
    const open = openInstalls()
    const results = store
      .unacceptedResults()
      .filter(({ commandId }) => !open.has(commandId))
      .slice(0, PER_MESSAGE)
    if (results.length === 0) return false
    await connection.call(operations.ReportCommands, { input: { results } })
    store.acceptResults(results.map((result) => result.commandId))
    return results.length === PER_MESSAGE
  }

  async function sendEvents(): Promise<boolean> {
    const waiting = outbox.events(PER_MESSAGE)
    const last = waiting.at(-1)
    if (last === undefined) return false
    const events = waiting.filter(({ serverId }) => isAssigned(serverId))
    if (events.length < waiting.length) log.warn({ count: waiting.length - events.length }, 'events of servers that the api does not know')
    if (events.length > 0) await connection.call(operations.ReportEvents, { input: { events } })
    outbox.acceptEvents(last.sequence)
    return waiting.length === PER_MESSAGE
  }

  async function sendSamples(): Promise<boolean> {
    const waiting = outbox.samples(PER_MESSAGE)
    const last = waiting.at(-1)
    if (last === undefined) return false
    const samples: ServerSample[] = waiting.map(({ sample }) => sample).filter(({ serverId }) => isAssigned(serverId))
    if (samples.length > 0) await connection.call(operations.PushSamples, { input: { samples, isStored: true } })
    outbox.acceptSamples(last.position)
    return waiting.length === PER_MESSAGE
  }

  async function sendNodeSamples(): Promise<boolean> {
    const waiting = outbox.nodeSamples(PER_MESSAGE)
    const last = waiting.at(-1)
    if (last === undefined) return false
    await connection.call(operations.PushNodeSamples, { input: { samples: waiting.map(({ sample }) => sample), isStored: true } })
    outbox.acceptNodeSamples(last.position)
    return waiting.length === PER_MESSAGE
  }

  return {
    results: createSender(sendResults, onError),
    events: createSender(sendEvents, onError),
    samples: createSender(sendSamples, onError),
    nodeSamples: createSender(sendNodeSamples, onError),
  }
}
