import type { Log } from '../lib/log.ts'
import type { OrdersSubscription } from '../gql/graphql.ts'
import type { Installation } from '../installations/installation.ts'
import type { Capacity } from '../metrics/host-capacity.ts'
import { createSampler, type Sampler, type ServerSample } from '../metrics/sampler.ts'
import type { RuntimeInfo, RunSample } from '../runtime/runtime.ts'
import type { ServerRegistry } from '../servers/server-registry.ts'
import type { ServerRecord } from '../state/records.ts'
import type { Store } from '../state/store.ts'
import type { Connection } from './connection.ts'
import { createConsolePusher } from './console-pusher.ts'
import * as operations from './documents.ts'
import type { NodeKey } from './node-key.ts'

export const PROTOCOL_VERSION = 1

const REPORTS_PER_MESSAGE = 200
const LOG_CHARACTERS_PER_MESSAGE = 64 * 1024

export type SessionDeps = {
  agentVersion: string
  store: Store
  registry: ServerRegistry
  key: NodeKey
  nodeId: string
  runtime: RuntimeInfo
  capacity: () => Promise<Capacity>
  sample: () => Promise<RunSample[]>
  diskBytes: (serverId: string) => number
  now: () => Date
  monotonicMs: () => number
  log: Log
}

type Order = OrdersSubscription['orders']

const toReport = (record: ServerRecord) => ({
  serverId: record.id,
  sequence: record.sequence,
  generation: record.assignment.generation,
  observedAt: new Date().toISOString(),
  state: record.state,
  isSettled: record.settledGeneration === record.assignment.generation,
  isRemoved: record.isRemoved,
  isInstalled: record.isInstalled,
  problem: record.problem,
  lastExit: record.lastExit,
  runId: record.runId,
  runningSince: record.runningSince,
})

/** Text that does not end in the middle of a character of two units. */
const withoutHalf = (text: string) => (/[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text)

/**
 * One signed-in session from hello to its end. Anything that goes wrong ends it whole; the next one begins with the full
 * picture, so nothing is lost by that. Resolves with the reason.
 */
export async function runSession(connection: Connection, deps: SessionDeps, onReady: () => void): Promise<string> {
  const { store, registry, log } = deps
  let isOver = false
  const failure = Promise.withResolvers<string>()
  const fail = (error: unknown) => {
    failure.resolve(error instanceof Error ? error.message : String(error))
  }

  const challenge = await connection.call(operations.SignInChallenge, { nodeId: deps.nodeId })
  const { challengeId, challenge: text, instanceId } = challenge.signInChallenge
  const signature = deps.key.sign(`catalyst-agent-sign-in\n${text}\n${deps.nodeId}\n${String(PROTOCOL_VERSION)}\n${instanceId}`)
  const { signIn } = await connection.call(operations.SignIn, {
    input: { nodeId: deps.nodeId, challengeId, signature, protocolVersion: PROTOCOL_VERSION },
  })
  await connection.call(operations.Hello, {
    input: {
      agentVersion: deps.agentVersion,
      storeId: store.id,
      wallClock: deps.now().toISOString(),
      runtime: deps.runtime,
      capacity: await deps.capacity(),
    },
  })

  /** The api has taken their last report. */
  function forgetRemoved(records: readonly ServerRecord[]): void {
    for (const { id, isRemoved } of records) {
      if (!isRemoved) continue
      pusher.drop(id)
      registry.forget(id)
    }
  }

  let isSynchronised = false
  const dirty = new Set<string>()
  let sendingReports: Promise<void> | null = null

  /** Sends the newest state of each changed server; what changes meanwhile goes with the next message. */
  function sendReports(): void {
    if (!isSynchronised || sendingReports !== null || dirty.size === 0) return
    const ids = [...dirty].slice(0, REPORTS_PER_MESSAGE)
    for (const id of ids) dirty.delete(id)
    const records = ids.flatMap((id) => registry.get(id)?.record() ?? [])
    sendingReports = connection
      .call(operations.ReportServers, { input: { isSnapshot: false, isLast: true, reports: records.map(toReport) } })
      .then(() => {
        forgetRemoved(records)
      }, fail)
      .finally(() => {
        sendingReports = null
        sendReports()
      })
  }

  async function sendSnapshot(): Promise<void> {
    const records = registry.all().map((runner) => runner.record())
    for (let from = 0; from === 0 || from < records.length; from += REPORTS_PER_MESSAGE) {
      const part = records.slice(from, from + REPORTS_PER_MESSAGE)
      await connection.call(operations.ReportServers, {
        input: { isSnapshot: true, isLast: from + REPORTS_PER_MESSAGE >= records.length, reports: part.map(toReport) },
      })
      forgetRemoved(part)
    }
  }

  let sendingResults: Promise<void> | null = null
  let hasNewResults = false
  function sendResults(): void {
    hasNewResults = true
    if (!isSynchronised) return
    sendingResults ??= (async () => {
      while (hasNewResults) {
        hasNewResults = false
        const results = store.unacceptedResults().slice(0, REPORTS_PER_MESSAGE)
        if (results.length === 0) continue
        await connection.call(operations.ReportCommands, { input: { results } })
        store.acceptResults(results.map((result) => result.commandId))
        hasNewResults ||= results.length === REPORTS_PER_MESSAGE
      }
    })()
      .catch(fail)
      .finally(() => {
        sendingResults = null
        if (hasNewResults && !isOver) sendResults()
      })
  }

  /** Characters of each installation's log that the api has. */
  const logSent = new Map<string, number>()
  const sendingInstallations = new Map<string, Promise<void>>()
  const changedInstallations = new Map<string, Installation>()
  function sendInstallation(installation: Installation): void {
    changedInstallations.set(installation.id, installation)
    if (!isSynchronised || sendingInstallations.has(installation.id)) return
    const send = async () => {
      while (changedInstallations.delete(installation.id)) {
        const logFrom = logSent.get(installation.id) ?? 0
        const logText = withoutHalf(installation.log.slice(logFrom, logFrom + LOG_CHARACTERS_PER_MESSAGE))
        const { id: installationId, serverId, step, percent, exitCode, error } = installation
        // The outcome comes with the end of the log.
        const isWhole = logFrom + logText.length === installation.log.length
        const status = isWhole ? installation.status : 'RUNNING'
        await connection.call(operations.ReportInstallation, {
          input: { serverId, installationId, status, step, percent, exitCode, error, logFrom, logText },
        })
        logSent.set(installation.id, logFrom + logText.length)
        if (!isWhole) changedInstallations.set(installation.id, installation)
      }
    }
    sendingInstallations.set(
      installation.id,
      send()
        .catch(fail)
        .finally(() => {
          sendingInstallations.delete(installation.id)
          const newer = changedInstallations.get(installation.id)
          if (newer !== undefined && !isOver) sendInstallation(newer)
        }),
    )
  }

  const pusher = createConsolePusher({
    push: async (serverId, from, parts) => {
      const input = {
        serverId,
        from,
        parts: parts.map(({ kind, runId, at, text, base64, actor, bytes }) => ({
          kind,
          runId,
          at,
          text,
          base64,
          actor,
          gapBytes: kind === 'GAP' ? bytes : null,
          gapReason: kind === 'GAP' ? ('DAMAGED' as const) : null,
        })),
      }
      return (await connection.call(operations.PushConsole, { input })).pushConsole
    },
    onAcknowledged: (serverId, position) => {
      registry.acknowledge(serverId, position)
    },
    onError: fail,
    monotonicMs: deps.monotonicMs,
  })

  let sampler = null as Sampler | null
  let watched: readonly string[] = []
  /** Install containers have no figures of their own. */
  const sampleServers = async () => (await deps.sample()).filter(({ id }) => registry.get(id) !== undefined)
  const pushSamples = (samples: ServerSample[]) => {
    connection.call(operations.PushSamples, { input: { samples } }).catch(fail)
  }

  function take(order: Order): void {
    switch (order.__typename) {
      case 'AssignmentSnapshotOrder':
        for (const assignment of order.assignments) assign(assignment)
        if (order.isLast) void synchronise()
        break
      case 'AssignmentOrder':
        assign(order.assignment)
        break
      case 'CommandOrder':
        registry.command(order)
        break
      case 'WatchOrder':
        watched = order.serverIds
        sampler?.watch(watched)
        break
    }
  }

  function assign(assignment: Parameters<ServerRegistry['assign']>[0]): void {
    let assigned: ReturnType<ServerRegistry['assign']>
    try {
      assigned = registry.assign(assignment)
    } catch (error) {
      // One server that this node cannot take does not end the session of the others.
      log.error({ serverId: assignment.serverId, err: error }, 'a server could not be taken up')
      return
    }
    const { runner, isNew } = assigned
    // A session begins where the api's disk ends; a server that is new to this session too.
    if (!isSynchronised || isNew) pusher.open(runner.id, runner.console.stream, assignment.consolePosition)
  }

  async function synchronise(): Promise<void> {
    try {
      await sendSnapshot()
      isSynchronised = true
      sampler = createSampler(
        { sample: sampleServers, diskBytes: deps.diskBytes, monotonicMs: deps.monotonicMs, now: deps.now, onSamples: pushSamples },
        signIn.sampleSeconds,
      )
      sampler.watch(watched)
      for (const runner of registry.all()) {
        const installation = runner.installation()
        if (installation !== null) sendInstallation(installation)
      }
      sendResults()
      sendReports()
      onReady()
    } catch (error) {
      fail(error)
    }
  }

  const heartbeatMs = signIn.heartbeatSeconds * 1000
  const heartbeat = setInterval(() => {
    const late = setTimeout(() => {
      fail(new Error('the api does not answer heartbeats'))
    }, heartbeatMs * 3)
    connection
      .call(operations.Heartbeat, { input: { wallClock: deps.now().toISOString() } })
      .catch(fail)
      .finally(() => {
        clearTimeout(late)
      })
  }, heartbeatMs)

  const leave = registry.listen({
    reported: (record) => {
      // The api forgets the server with this report: nothing of its console may come behind it.
      if (record.isRemoved) pusher.drop(record.id)
      dirty.add(record.id)
      sendReports()
    },
    consoleChanged: pusher.changed,
    installationChanged: sendInstallation,
    finished: sendResults,
  })
  log.info({ sessionId: signIn.sessionId }, 'signed in')
  try {
    const ended = connection.listen(operations.Orders, {}, ({ orders }) => {
      try {
        take(orders)
      } catch (error) {
        fail(error)
      }
    })
    return await Promise.race([
      failure.promise,
      connection.closed,
      ended.then(
        () => 'the api ended the orders',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    ])
  } finally {
    isOver = true
    clearInterval(heartbeat)
    leave()
    pusher.close()
    sampler?.close()
    connection.close()
  }
}
