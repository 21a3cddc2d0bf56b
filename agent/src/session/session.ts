import type { OrdersSubscription } from '../gql/graphql.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { Capacity } from '../metrics/host-capacity.ts'
import type { Measurements } from '../metrics/measurements.ts'
import type { RuntimeInfo } from '../runtime/runtime.ts'
import type { ServerRegistry } from '../servers/server-registry.ts'
import type { Store } from '../state/store.ts'
import type { Connection } from './connection.ts'
import { createConsolePusher } from './console-pusher.ts'
import * as operations from './documents.ts'
import { createInstallationSender } from './installation-sender.ts'
import type { NodeKey } from './node-key.ts'
import { createOutboxSenders } from './outbox-senders.ts'
import { createReportSender } from './report-sender.ts'

export const PROTOCOL_VERSION = 2

export type SessionDeps = {
  agentVersion: string
  store: Store
  registry: ServerRegistry
  measurements: Measurements
  clock: Clock
  key: NodeKey
  nodeId: string
  runtime: RuntimeInfo
  capacity: () => Promise<Capacity>
  /** As the machine has it, not corrected. */
  wallClock: () => Date
  monotonicMs: () => number
  log: Log
}

type Order = OrdersSubscription['orders']

/** Signs in and says hello; the api's word on how this session goes. */
async function signIn(connection: Connection, deps: SessionDeps) {
  const challenge = await connection.call(operations.SignInChallenge, { nodeId: deps.nodeId })
  const { challengeId, challenge: text, instanceId } = challenge.signInChallenge
  const signature = deps.key.sign(`catalyst-agent-sign-in\n${text}\n${deps.nodeId}\n${String(PROTOCOL_VERSION)}\n${instanceId}`)
  const sentAt = deps.monotonicMs()
  const answer = await connection.call(operations.SignIn, {
    input: { nodeId: deps.nodeId, challengeId, signature, protocolVersion: PROTOCOL_VERSION },
  })
  deps.clock.measure(new Date(answer.signIn.serverTime), sentAt)
  await connection.call(operations.Hello, {
    input: {
      agentVersion: deps.agentVersion,
      storeId: deps.store.id,
      wallClock: deps.wallClock().toISOString(),
      runtime: deps.runtime,
      capacity: await deps.capacity(),
    },
  })
  return answer.signIn
}

/**
 * One signed-in session from hello to its end. Anything that goes wrong ends it whole; the next one begins with the full
 * picture, so nothing is lost by that. Resolves with the reason.
 */
export async function runSession(connection: Connection, deps: SessionDeps, onReady: () => void): Promise<string> {
  const { store, registry, measurements, clock, log } = deps
  const failure = Promise.withResolvers<string>()
  const fail = (error: unknown) => {
    failure.resolve(error instanceof Error ? error.message : String(error))
  }
  const { heartbeatSeconds, sampleSeconds, sessionId } = await signIn(connection, deps)
  store.setSampleSeconds(sampleSeconds)

  let isSynchronised = false
  /** What the api knows of: it is not told of anything else. */
  const assigned = new Set<string>()
  const isAssigned = (serverId: string) => assigned.has(serverId)
  const openInstalls = () =>
    new Set(registry.all().flatMap((runner) => (isAssigned(runner.id) ? (runner.record().installation?.commandId ?? []) : [])))
  const outbox = createOutboxSenders({ connection, store, isAssigned, openInstalls, log, onError: fail })
  const reports = createReportSender({
    connection,
    registry,
    isAssigned,
    onRemoved: (serverId) => {
      pusher.drop(serverId)
      registry.forget(serverId)
      assigned.delete(serverId)
    },
    now: clock.now,
    onError: fail,
  })
  const installations = createInstallationSender(
    connection,
    (serverId, installationId) => {
      registry.get(serverId)?.installationAccepted(installationId)
      outbox.results.poke()
    },
    fail,
  )
  const pusher = createConsolePusher({
    push: async (serverId, from, parts) => {
      const input = {
        serverId,
        from,
        parts: parts.map(({ kind, runId, at, text, base64, actor, bytes, gapReason }) => ({
          kind,
          runId,
          at,
          text,
          base64,
          actor,
          gapBytes: kind === 'GAP' ? bytes : null,
          gapReason,
        })),
      }
      return (await connection.call(operations.PushConsole, { input })).pushConsole
    },
    waitingBytes: connection.waitingBytes,
    onAcknowledged: (serverId, position) => {
      registry.acknowledge(serverId, position)
    },
    onError: fail,
    monotonicMs: deps.monotonicMs,
  })
  const senders = [outbox.results, outbox.events, outbox.samples, outbox.nodeSamples, reports.sender]
  /** What changes before the full picture was told goes behind it. */
  const whenSynchronised = (work: () => void) => () => {
    if (isSynchronised) work()
  }
  const sendResults = whenSynchronised(outbox.results.poke)
  const sendEvents = whenSynchronised(outbox.events.poke)
  const sendReports = whenSynchronised(reports.sender.poke)

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
        measurements.watch(order.serverIds, order.isNodeWatched)
        break
    }
  }

  function assign(assignment: Parameters<ServerRegistry['assign']>[0]): void {
    assigned.add(assignment.serverId)
    let taken: ReturnType<ServerRegistry['assign']>
    try {
      taken = registry.assign(assignment)
    } catch (error) {
      // One server that this node cannot take does not end the session of the others.
      log.error({ serverId: assignment.serverId, err: error }, 'a server could not be taken up')
      return
    }
    const { runner, isNew } = taken
    // A session begins where the api's disk ends; a server that is new to this session too.
    if (!isSynchronised || isNew) pusher.open(runner.id, runner.console.stream, assignment.consolePosition)
  }

  async function synchronise(): Promise<void> {
    try {
      for (const { id } of registry.all())
        if (!isAssigned(id)) log.warn({ serverId: id, problem: 'UNASSIGNED' }, 'a server that the api does not know; it is left as it is')
      await reports.sendSnapshot()
      isSynchronised = true
      measurements.refresh()
      for (const runner of registry.all()) {
        const installation = runner.installation()
        if (installation !== null && isAssigned(runner.id)) installations.changed(installation)
      }
      for (const sender of senders) sender.poke()
      onReady()
    } catch (error) {
      fail(error)
    }
  }

  const heartbeatMs = heartbeatSeconds * 1000
  const heartbeat = setInterval(() => {
    const late = setTimeout(() => {
      fail(new Error('the api does not answer heartbeats'))
    }, heartbeatMs * 3)
    const sentAt = deps.monotonicMs()
    connection
      .call(operations.Heartbeat, { input: { wallClock: deps.wallClock().toISOString() } })
      .then((answer) => {
        clock.measure(new Date(answer.heartbeat.serverTime), sentAt)
      }, fail)
      .finally(() => {
        clearTimeout(late)
      })
  }, heartbeatMs)

  const leaveRegistry = registry.listen({
    reported: (record) => {
      // The api forgets the server with this report: nothing of its console may come behind it.
      if (record.isRemoved) pusher.drop(record.id)
      reports.changed(record.id)
      sendReports()
    },
    consoleChanged: pusher.changed,
    installationChanged: (installation) => {
      // One that goes on is sent with the next change, or when in step.
      if (isSynchronised && isAssigned(installation.serverId)) installations.changed(installation)
    },
    finished: sendResults,
    happened: sendEvents,
  })
  const leaveMeasurements = measurements.listen({
    kept: whenSynchronised(() => {
      outbox.samples.poke()
      outbox.nodeSamples.poke()
    }),
    live: (samples) => {
      const known = samples.filter(({ serverId }) => isAssigned(serverId))
      if (isSynchronised && known.length > 0)
        connection.call(operations.PushSamples, { input: { samples: known, isStored: false } }).catch(fail)
    },
    liveNode: (sample) => {
      if (isSynchronised) connection.call(operations.PushNodeSamples, { input: { samples: [sample], isStored: false } }).catch(fail)
    },
  })
  log.info({ sessionId }, 'signed in')
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
    clearInterval(heartbeat)
    leaveRegistry()
    leaveMeasurements()
    for (const sender of senders) sender.close()
    installations.close()
    pusher.close()
    connection.close()
  }
}
