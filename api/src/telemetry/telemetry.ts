import { setTimeout as delay } from 'node:timers/promises'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** A kind of GraphQL operation. */
export type Operation = 'query' | 'mutation' | 'subscription'

/** What Prometheus reads of the api, and what the parts tell of themselves. Observing never throws and never waits. */
export type Telemetry = {
  /** A statement of the database's pool has ended. */
  observeSql(seconds: number): void
  /** An operation was answered; a subscription when it was opened. `field` is its first root field. */
  observeGraphql(operation: Operation, field: string, seconds: number, isWell: boolean): void
  /** A subscription was opened. Returns what tells its end. */
  openSubscription(field: string): () => void
  /** A command has its outcome, so long after it was made. */
  observeCommand(kind: string, status: string, seconds: number): void
  /** A piece of a console was stored. */
  countConsole(lines: number, bytes: number): void
  /** A part of a console will never come. */
  countGap(reason: string, bytes: number): void
  /** One viewer has missed a part of a console, which is there. */
  countViewerGap(bytes: number): void
  observeJob(name: string, seconds: number, isWell: boolean): void
  /** Something that is counted when Prometheus asks; by a label's values when it has one. What cannot be read is left out. */
  collect(name: string, help: string, read: () => Promise<number> | number): void
  collectBy(name: string, help: string, label: string, read: () => Promise<ReadonlyMap<string, number>>): void
  /** The text that Prometheus reads, with its content type. */
  render(): Promise<{ contentType: string; text: string }>
}

const FAST = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]
const SLOW = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900]

/** Prometheus gives up after 10 s. */
const MOST_READ_MS = 3_000

/** @param onError told when a series is left out because it could not be read */
export function createTelemetry(onError: (error: unknown, series: string) => void): Telemetry {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 })

  const sql = new Histogram({
    name: 'catalyst_sql_seconds',
    help: 'Time of SQL statements, with the wait for the answer.',
    buckets: FAST,
    registers,
  })
  const graphql = new Histogram({
    name: 'catalyst_graphql_seconds',
    help: 'Time of GraphQL operations; of subscriptions until they are open.',
    labelNames: ['operation', 'field', 'outcome'] as const,
    buckets: FAST,
    registers,
  })
  const subscriptions = new Gauge({
    name: 'catalyst_subscriptions',
    help: 'Open GraphQL subscriptions.',
    labelNames: ['field'] as const,
    registers,
  })
  const commands = new Histogram({
    name: 'catalyst_command_seconds',
    help: 'From the making of a command to its outcome.',
    labelNames: ['kind', 'status'] as const,
    buckets: SLOW,
    registers,
  })
  const lines = new Counter({ name: 'catalyst_console_lines_total', help: 'Lines of consoles that were stored.', registers })
  const bytes = new Counter({
    name: 'catalyst_console_bytes_total',
    help: 'Bytes of consoles that were stored, before compression.',
    registers,
  })
  const gaps = new Counter({ name: 'catalyst_console_gaps_total', help: 'Gaps in consoles.', labelNames: ['reason'] as const, registers })
  const gapBytes = new Counter({
    name: 'catalyst_console_gap_bytes_total',
    help: 'Bytes that fell into gaps.',
    labelNames: ['reason'] as const,
    registers,
  })
  const viewerGaps = new Counter({
    name: 'catalyst_viewer_gaps_total',
    help: 'Gaps that viewers were sent since they were too slow; what they missed can be read again.',
    registers,
  })
  const viewerGapBytes = new Counter({
    name: 'catalyst_viewer_gap_bytes_total',
    help: 'Bytes that viewers missed since they were too slow.',
    registers,
  })
  const jobs = new Histogram({
    name: 'catalyst_job_seconds',
    help: 'Runs of recurring jobs on this instance.',
    labelNames: ['job', 'outcome'] as const,
    buckets: SLOW,
    registers,
  })
  /** Null when it fails, or takes too long: with the database away all other figures matter most. */
  const readInTime = async <T>(series: string, read: () => Promise<T> | T): Promise<T | null> => {
    try {
      return await Promise.race([read(), delay(MOST_READ_MS, null, { ref: false })])
    } catch (error) {
      onError(error, series)
      return null
    }
  }
  const outcome = (isWell: boolean) => (isWell ? 'ok' : 'error')

  return {
    observeSql(seconds) {
      sql.observe(seconds)
    },
    observeGraphql(operation, field, seconds, isWell) {
      graphql.observe({ operation, field, outcome: outcome(isWell) }, seconds)
    },
    openSubscription(field) {
      subscriptions.inc({ field })
      let isOpen = true
      return () => {
        if (isOpen) subscriptions.dec({ field })
        isOpen = false
      }
    },
    observeCommand(kind, status, seconds) {
      commands.observe({ kind, status }, seconds)
    },
    countConsole(lineCount, byteCount) {
      lines.inc(lineCount)
      bytes.inc(byteCount)
    },
    countGap(reason, byteCount) {
      gaps.inc({ reason })
      gapBytes.inc({ reason }, byteCount)
    },
    countViewerGap(byteCount) {
      viewerGaps.inc()
      viewerGapBytes.inc(byteCount)
    },
    observeJob(job, seconds, isWell) {
      jobs.observe({ job, outcome: outcome(isWell) }, seconds)
    },
    collect(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          const value = await readInTime(name, read)
          if (value === null) this.remove()
          else this.set(value)
        },
      })
    },
    collectBy(name, help, label, read) {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        async collect() {
          const counts = await readInTime(name, read)
          this.reset()
          for (const [value, count] of counts ?? []) this.set({ [label]: value }, count)
        },
      })
    },
    async render() {
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  }
}
