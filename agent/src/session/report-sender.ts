import { needsRestart } from '../servers/ports.ts'
import type { ServerRegistry } from '../servers/server-registry.ts'
import type { ServerRecord } from '../state/records.ts'
import type { Connection } from './connection.ts'
import * as operations from './documents.ts'
import { createSender, type Sender } from './sender.ts'

const REPORTS_PER_MESSAGE = 200

/** Tells the api what the servers do: once all of it, then the newest state of each that has changed. */
export type ReportSender = {
  sendSnapshot(): Promise<void>
  /** The newest state of this server goes with the next message. */
  changed(serverId: string): void
  readonly sender: Sender
}

export type ReportSenderOptions = {
  connection: Connection
  registry: ServerRegistry
  /** The api knows the server: one that it does not know is not told of. */
  isAssigned: (serverId: string) => boolean
  /** The api has taken the last report of a removed server. */
  onRemoved: (serverId: string) => void
  now: () => Date
  onError: (error: unknown) => void
}

export function createReportSender({ connection, registry, isAssigned, onRemoved, now, onError }: ReportSenderOptions): ReportSender {
  const dirty = new Set<string>()

  const toReport = (record: ServerRecord) => ({
    serverId: record.id,
    sequence: record.sequence,
    generation: record.assignment.generation,
    observedAt: now().toISOString(),
    state: record.state,
    // A server whose restart waits is not at its end, whoever decided its start.
    isSettled: record.settledGeneration === record.assignment.generation && record.restart === null,
    isRemoved: record.isRemoved,
    isInstalled: record.isInstalled,
    problem: record.problem,
    lastExit: record.lastExit,
    runId: record.runId,
    runningSince: record.runningSince,
    restart: record.restart,
    needsRestart: needsRestart(record),
  })

  async function send(records: readonly ServerRecord[], isSnapshot: boolean, isLast: boolean): Promise<void> {
    await connection.call(operations.ReportServers, { input: { isSnapshot, isLast, reports: records.map(toReport) } })
    for (const { id, isRemoved } of records) if (isRemoved) onRemoved(id)
  }

  async function sendNext(): Promise<boolean> {
    const ids = [...dirty].slice(0, REPORTS_PER_MESSAGE)
    for (const id of ids) dirty.delete(id)
    const records = ids.filter(isAssigned).flatMap((id) => registry.get(id)?.record() ?? [])
    if (records.length > 0) await send(records, false, true)
    return dirty.size > 0
  }

  return {
    async sendSnapshot() {
      const records = registry.all().flatMap((runner) => (isAssigned(runner.id) ? [runner.record()] : []))
      for (let from = 0; from === 0 || from < records.length; from += REPORTS_PER_MESSAGE)
        await send(records.slice(from, from + REPORTS_PER_MESSAGE), true, from + REPORTS_PER_MESSAGE >= records.length)
    },
    changed(serverId) {
      dirty.add(serverId)
    },
    sender: createSender(sendNext, onError),
  }
}
