import type { DatabaseSync } from 'node:sqlite'
import type { NodeSample } from '../metrics/machine.ts'
import type { ServerSample } from '../metrics/sampler.ts'
import type { ServerEvent } from './records.ts'

export const OUTBOX_SCHEMA = `
  create table if not exists event (sequence integer primary key autoincrement, server_id text not null, record text not null) strict;
  create table if not exists sample (position integer primary key autoincrement, server_id text not null, record text not null) strict;
  create table if not exists node_sample (position integer primary key autoincrement, record text not null) strict;
`

/** A month of restarts without end. */
const KEPT_EVENTS = 20_000
/** A day and a half of twenty servers at the usual rate; some 30 MB. */
const KEPT_SAMPLES = 100_000
/** A week at the usual rate: older ones the api does not take. */
const KEPT_NODE_SAMPLES = 20_160

export type StoredEvent = ServerEvent & { sequence: number }
export type StoredSample = { position: number; sample: ServerSample }
export type StoredNodeSample = { position: number; sample: NodeSample }

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
  /** Keeps a measurement of the machine itself. */
  addNodeSample(sample: NodeSample): void
  nodeSamples(limit: number): StoredNodeSample[]
  acceptNodeSamples(until: number): void
  forgetServer(serverId: string): void
  /** How many of each kind wait. */
  counts(): Map<'events' | 'samples' | 'nodeSamples', number>
}

export function createOutbox(
  database: DatabaseSync,
  kept = { events: KEPT_EVENTS, samples: KEPT_SAMPLES, nodeSamples: KEPT_NODE_SAMPLES },
): Outbox {
  const addEvent = database.prepare('insert into event (server_id, record) values (?, ?)')
  const trimEvents = database.prepare('delete from event where sequence <= ?')
  const events = database.prepare('select sequence, record from event order by sequence limit ?')
  const addSample = database.prepare('insert into sample (server_id, record) values (?, ?)')
  const trimSamples = database.prepare('delete from sample where position <= ?')
  const samples = database.prepare('select position, record from sample order by position limit ?')
  const addNodeSample = database.prepare('insert into node_sample (record) values (?)')
  const trimNodeSamples = database.prepare('delete from node_sample where position <= ?')
  const nodeSamples = database.prepare('select position, record from node_sample order by position limit ?')
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
    addNodeSample(sample) {
      const { lastInsertRowid } = addNodeSample.run(JSON.stringify(sample))
      trimNodeSamples.run(Number(lastInsertRowid) - kept.nodeSamples)
    },
    nodeSamples: (limit) =>
      nodeSamples.all(limit).map((row) => ({ position: Number(row['position']), sample: JSON.parse(String(row['record'])) as NodeSample })),
    acceptNodeSamples(until) {
      trimNodeSamples.run(until)
    },
    counts() {
      const count = (table: string) => Number(database.prepare(`select count(*) as count from ${table}`).get()?.['count'] ?? 0)
      return new Map([
        ['events', count('event')],
        ['samples', count('sample')],
        ['nodeSamples', count('node_sample')],
      ])
    },
    forgetServer(serverId) {
      for (const table of ['event', 'sample']) database.prepare(`delete from ${table} where server_id = ?`).run(serverId)
    },
  }
}
