import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createClock } from './lib/clock.ts'
import type { Log } from './lib/log.ts'
import type { AgentEnv } from './env.ts'
import { createImageStore } from './images/image-store.ts'
import { createDiskUsage } from './metrics/disk-usage.ts'
import { readCapacity } from './metrics/host-capacity.ts'
import { readMachine } from './metrics/machine.ts'
import { createMeasurements } from './metrics/measurements.ts'
import type { AgentFigures, PrometheusEndpoint } from './metrics/prometheus.ts'
import { createHost } from './network/host.ts'
import { createNetwork, type Network } from './network/network.ts'
import { detectCgroupHost, removeGroups } from './runtime/containerd/cgroup.ts'
import { connectContainerd, orNull, reaching } from './runtime/containerd/client.ts'
import { createContainerdRuntime } from './runtime/containerd/containerd-runtime.ts'
import { createImageImporter } from './runtime/containerd/image-import.ts'
import { forgetNamespace } from './runtime/containerd/orphan.ts'
import { isEnded } from './runtime/containerd/task-exit.ts'
import type { Runtime, RuntimeInfo, WorkloadStatus } from './runtime/runtime.ts'
import { wasRebooted } from './servers/boot-policy.ts'
import type { RunnerDeps, ServerFolders, ServerImages } from './servers/ports.ts'
import { watchFloods } from './servers/flood-watch.ts'
import { createServerRegistry, type ServerRegistry } from './servers/server-registry.ts'
import { createStartGate } from './servers/start-gate.ts'
import { connect, type Connection } from './session/connection.ts'
import { keepConnected } from './session/dialler.ts'
import { enrol, EnrolmentError, identityOf } from './session/enrolment.ts'
import { runSession } from './session/session.ts'
import { openStore, type Store } from './state/store.ts'

export const AGENT_VERSION = '0.2.0'

/** Games that may be starting at the same time after a start of the agent or the machine. */
const STARTS_AT_ONCE = 3
/** Before the api has said how often servers are measured. */
const SAMPLE_SECONDS = 30
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id'

const foldersIn =
  (folder: string) =>
  (serverId: string): ServerFolders => {
    const root = path.join(folder, 'servers', serverId)
    return {
      root,
      files: path.join(root, 'files'),
      staging: path.join(root, 'staging'),
      replaced: path.join(root, 'replaced'),
      logs: path.join(root, 'logs'),
      install: path.join(root, 'install'),
      stdin: path.join(root, 'logs', 'stdin'),
    }
  }

const keyFileOf = (env: AgentEnv) => path.join(env.folder, 'key')

/** containerd may start later than we do, and go again; null when told to stop meanwhile. */
async function lookAround(
  runtime: Runtime,
  log: Log,
  signal: AbortSignal,
): Promise<{ info: RuntimeInfo; workloads: WorkloadStatus[] } | null> {
  while (!signal.aborted) {
    try {
      return { info: await runtime.describe(), workloads: await runtime.list() }
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'waiting for containerd')
      await delay(1000, undefined, { signal }).catch(() => undefined)
    }
  }
  return null
}

function wasMachineStarted(store: Store, bootId: string, workloads: readonly WorkloadStatus[]): boolean {
  const known = new Set(workloads.filter(({ run }) => run.state !== 'none').map(({ id }) => id))
  // An end that is being worked on may have been collected: that it is gone from the runtime says nothing.
  const running = store.servers().filter(({ runningSince, pendingExit }) => runningSince !== null && pendingExit === null)
  const areKnown = running.filter(({ id }) => known.has(id)).length
  return wasRebooted({ knownBootId: store.bootId(), bootId, wereRunning: running.length, areKnown })
}

function figuresOf(registry: ServerRegistry, store: Store, isConnected: () => boolean): AgentFigures {
  return {
    servers() {
      const states = new Map<string, number>()
      for (const { state } of registry.all().map((runner) => runner.record())) states.set(state, (states.get(state) ?? 0) + 1)
      return states
    },
    isConnected,
    waiting: store.outbox.counts,
    consoleBytes: () =>
      registry.all().reduce((sum, { console, record }) => sum + Math.max(0, console.stream.end() - record().acknowledged), 0),
  }
}

/** What an agent stands on: this machine, or a scripted one in tests. */
export type AgentHost = {
  runtime: Runtime
  network: Pick<Network, 'attach' | 'detach' | 'reconcile'>
  images: ServerImages
  /** Another one after each start of the machine. */
  bootId: string
}

/**
 * Runs the agent on this machine until `signal` aborts; games go on then.
 * @param onReady called at each session that is in step with the api
 */
export async function runAgent(env: AgentEnv, log: Log, onReady: () => void, signal: AbortSignal): Promise<void> {
  mkdirSync(env.folder, { recursive: true, mode: 0o711 })
  const client = connectContainerd(env.containerdSocket, env.namespace)
  const importer = createImageImporter(client)
  const runtime = createContainerdRuntime({ socket: env.containerdSocket, namespace: env.namespace, chainIdOf: importer.chainIdOf })
  const network = createNetwork({ namespace: env.namespace, host: createHost(), folder: env.folder })
  const images = await createImageStore(importer, path.join(env.folder, 'images'))
  const bootId = readFileSync(BOOT_ID_FILE, 'utf8').trim()
  await serveNode(env, { runtime, network, images, bootId }, log, onReady, signal)
  await runtime.close()
  client.close()
}

async function startPrometheus({ metrics }: AgentEnv, log: Log, figures: AgentFigures): Promise<PrometheusEndpoint | null> {
  if (metrics === null) return null
  try {
    // Loaded where somebody reads it, and nowhere else: it takes 2 MB.
    const { servePrometheus } = await import('./metrics/prometheus.ts')
    return await servePrometheus(metrics, figures)
  } catch (error) {
    // A port that is taken is no reason to leave the games alone.
    log.error({ err: error }, 'Prometheus cannot be served')
    return null
  }
}

/** The agent without its machine: load the store, see what runs, take it up, then talk to the api until `signal` aborts. */
export async function serveNode(env: AgentEnv, host: AgentHost, log: Log, onReady: () => void, signal: AbortSignal): Promise<void> {
  const { runtime, network } = host
  const seen = await lookAround(runtime, log, signal)
  if (seen === null) return
  const { info, workloads } = seen
  mkdirSync(path.join(env.folder, 'servers'), { recursive: true, mode: 0o711 })
  const store = openStore({ file: path.join(env.folder, 'store.db'), uids: env.uids })
  const isReboot = wasMachineStarted(store, host.bootId, workloads)
  if (isReboot) log.info('the machine was started anew')
  const foldersOf = foldersIn(env.folder)
  const monotonicMs = () => performance.now()
  const wallClock = () => new Date()
  const clock = createClock({
    wallClock,
    monotonicMs,
    // After a start of the machine its clock may have been set.
    offset: store.bootId() === host.bootId ? store.clockOffset() : 0,
    onOffset: (offset) => {
      store.setClockOffset(offset)
      log.info({ offset }, "the clock is corrected by the api's")
    },
  })
  const deps: RunnerDeps = {
    ...host,
    foldersOf,
    now: clock.now,
    correctTime: clock.correct,
    monotonicMs,
    random: Math.random,
    newId: randomUUID,
    startGate: createStartGate(STARTS_AT_ONCE),
  }
  const registry = createServerRegistry(deps, store, (serverId, error) => {
    log.error({ serverId, err: error }, 'a server could not be taken up')
  })

  // What runs keeps its network, also when our store does not know it any more.
  const running = workloads.filter(({ run }) => run.state === 'running')
  await network.reconcile(new Set([...store.servers(), ...running].map(({ id }) => id)))
  await registry.boot(workloads, isReboot)
  // Only now: a kill before this line finds the machine newly started again.
  if (store.bootId() !== host.bootId) store.setBootId(host.bootId)

  const disk = createDiskUsage({ folderOf: (serverId) => foldersOf(serverId).files, store, monotonicMs })
  const measurements = createMeasurements({
    // Install containers have no figures of their own.
    sample: async () => (await runtime.sample()).filter(({ id }) => registry.get(id) !== undefined),
    diskBytes: disk.bytesOf,
    readMachine: () => readMachine(env.folder),
    monotonicMs,
    now: clock.now,
    everySeconds: () => store.sampleSeconds() ?? SAMPLE_SECONDS,
    outbox: store.outbox,
    log,
  })
  const floods = watchFloods(
    registry,
    env.folder,
    (serverId, bytes) => {
      log.warn({ serverId, bytes }, 'a server printed too much: the middle of it was given up')
    },
    (error) => {
      log.error({ err: error }, 'the output of servers could not be looked at')
    },
    monotonicMs,
  )
  let isConnected = false
  const figures = figuresOf(registry, store, () => isConnected)
  const prometheus = await startPrometheus(env, log, figures)
  const keyFile = keyFileOf(env)
  const serve = async (connection: Connection) => {
    if (identityOf(keyFile, store) === null) {
      if (env.enrolmentToken === null)
        throw new Error('this node is not enrolled, or its key is lost: start it with CATALYST_AGENT_ENROLMENT_TOKEN, or run enroll')
      log.info({ nodeId: await enrol(connection, { keyFile, store, token: env.enrolmentToken, agentVersion: AGENT_VERSION }) }, 'enrolled')
    }
    // Read anew for each session: `enroll` may have given the node another key.
    const identity = identityOf(keyFile, store)
    if (identity === null) throw new Error(`the key of this node is missing: ${keyFile}`)
    const session = {
      agentVersion: AGENT_VERSION,
      store,
      registry,
      measurements,
      clock,
      ...identity,
      runtime: info,
      capacity: () => readCapacity(env.folder),
      wallClock,
      monotonicMs,
      log,
    }
    try {
      return await runSession(connection, session, () => {
        isConnected = true
        onReady()
      })
    } finally {
      isConnected = false
    }
  }
  await keepConnected({ url: env.apiUrl, serve, random: Math.random, log, signal })
  await prometheus?.close()
  measurements.close()
  floods.close()
  registry.close()
  store.close()
}

/** Enrols this machine by hand; id of its node. @throws EnrolmentError */
export async function enrolByHand(env: AgentEnv, token: string): Promise<string> {
  mkdirSync(env.folder, { recursive: true, mode: 0o711 })
  const connection = await connect(env.apiUrl).catch((error: unknown) => {
    throw new EnrolmentError(`There is no Catalyst api at ${env.apiUrl}: ${error instanceof Error ? error.message : String(error)}`)
  })
  const store = openStore({ file: path.join(env.folder, 'store.db'), uids: env.uids })
  try {
    return await enrol(connection, { keyFile: keyFileOf(env), store, token, agentVersion: AGENT_VERSION })
  } finally {
    connection.close()
    store.close()
  }
}

/** What `status` tells of this machine. */
export type NodeStatus = { /** null: not enrolled. */ nodeId: string | null; /** Games that run now, installs included. */ games: number }

/** Looks at the store and at what runs; changes nothing, and may be asked while the agent runs. */
export async function readStatus(env: AgentEnv): Promise<NodeStatus> {
  const file = path.join(env.folder, 'store.db')
  const store = existsSync(file) ? openStore({ file, uids: env.uids }) : null
  const client = connectContainerd(env.containerdSocket, env.namespace)
  try {
    const { tasks } = await reaching(client.tasks.list({ filter: '' }))
    return { nodeId: store?.nodeId() ?? null, games: tasks.filter((task) => !isEnded(task)).length }
  } finally {
    client.close()
    store?.close()
  }
}

/**
 * Takes back everything that was made on this machine in our namespace, games included. Files of servers stay.
 * @param isForGood images too, which another start would use again
 */
export async function takeDown(env: AgentEnv, isForGood: boolean): Promise<void> {
  const client = connectContainerd(env.containerdSocket, env.namespace)
  const importer = createImageImporter(client)
  const runtime = createContainerdRuntime({ socket: env.containerdSocket, namespace: env.namespace, chainIdOf: importer.chainIdOf })
  await runtime.describe()
  for (const { id } of await runtime.list()) await runtime.remove(id)
  await createNetwork({ namespace: env.namespace, host: createHost(), folder: env.folder }).teardown()
  await removeGroups(detectCgroupHost(), env.namespace)
  await forgetNamespace(env.namespace)
  if (isForGood) {
    for (const reference of await importer.list()) await importer.remove(reference)
    await orNull(client.namespaces.delete({ name: env.namespace }))
  }
  await runtime.close()
  client.close()
}
