import type { DatabaseSync } from 'node:sqlite'
import type { ServerSample } from '../metrics/sampler.ts'
import type { ServerEvent } from './records.ts'

export const OUTBOX_SCHEMA = `
  create table if not exists event (sequence integer primary key autoincrement, server_id text not null, record text not null) strict;
  create table if not exists sample (position integer primary key autoincrement, server_id text not null, record text not null) strict;
`

/** A month of restarts without end. */
const KEPT_EVENTS = 20_000
/** A day and a half of twenty servers at the usual rate; some 30 MB. */
const KEPT_SAMPLES = 100_000

export type StoredEvent = ServerEvent & { sequence: number }
export type StoredSample = { position: number; sample: ServerSample }

/** What the api has to get once and in order, kept until it has answered. */
export type Outbox = {
  addEvent(event: ServerEvent): void
  /** The oldest events. */
  events(limit: number): StoredEvent[]
  acceptEvents(until: number): void
  /** Keeps samples; the number of older ones that had to go for want of room. */
  addSamples(samples: readonly ServerSample[]): number
  /** The oldest samples. */
  samples(limit: number): StoredSample[]
  acceptSamples(until: number): void
  forgetServer(serverId: string): void
}

export function createOutbox(database: DatabaseSync, kept = { events: KEPT_EVENTS, samples: KEPT_SAMPLES }): Outbox {
  const addEvent = database.prepare('insert into event (server_id, record) values (?, ?)')
  const trimEvents = database.prepare('delete from event where sequence <= ?')
  const events = database.prepare('select sequence, record from event order by sequence limit ?')
  const addSample = database.prepare('insert into sample (server_id, record) values (?, ?)')
  const trimSamples = database.prepare('delete from sample where position <= ?')
  const samples = database.prepare('select position, record from sample order by position limit ?')
  return {
    addEvent(event) {
      const { lastInsertRowid } = addEvent.run(event.serverId, JSON.stringify(event))
      trimEvents.run(Number(lastInsertRowid) - kept.events)
    },
    events: (limit) =>
      events.all(limit).map((row) => ({ ...(JSON.parse(String(row['record'])) as ServerEvent), sequence: Number(row['sequence']) })),
    acceptEvents(until) {
      trimEvents.run(until)
    },
    addSamples(added) {
      // One write to disk for all of a measurement.
      database.exec('begin immediate')
      try {
        let last = 0
        for (const sample of added) last = Number(addSample.run(sample.serverId, JSON.stringify(sample)).lastInsertRowid)
        const { changes } = trimSamples.run(last - kept.samples)
        database.exec('commit')
        return Number(changes)
      } catch (error) {
        database.exec('rollback')
        throw error
      }
    },
    samples: (limit) =>
      samples.all(limit).map((row) => ({ position: Number(row['position']), sample: JSON.parse(String(row['record'])) as ServerSample })),
    acceptSamples(until) {
      trimSamples.run(until)
    },
    forgetServer(serverId) {
      for (const table of ['event', 'sample']) database.prepare(`delete from ${table} where server_id = ?`).run(serverId)
    },
  }
}
