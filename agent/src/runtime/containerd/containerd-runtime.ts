import { createHash } from 'node:crypto'
import { constants as osConstants } from 'node:os'
import path from 'node:path'
import type {
  PosixSignal,
  RunExit,
  RunHandle,
  RunSample,
  Runtime,
  StartOptions,
  WorkloadLimits,
  WorkloadSpec,
  WorkloadStatus,
} from '../runtime.ts'
import { LimitInUseError, WorkloadNotFoundError } from '../runtime-errors.ts'
import { cgroupsPath, countProcesses, detectCgroupHost, onlineCores, releaseGroup, weighDisk } from './cgroup.ts'
import { connectContainerd, hasStatus, orNull, reaching, unlessExists } from './client.ts'
import { Options as RuncOptions } from './generated/github.com/containerd/containerd/api/types/runc/options/oci.ts'
import type { Container } from './generated/github.com/containerd/containerd/api/services/containers/v1/containers.ts'
import type { CreateTaskRequest } from './generated/github.com/containerd/containerd/api/services/tasks/v1/tasks.ts'
import { decodeCounters, readNetwork } from './metrics.ts'
import { buildOciSpec, cpuPercentOf, readSeccompProfile, resourcesOf } from './oci-spec.ts'
import { hasRuncContainer, reapOrphan, removeBundle } from './orphan.ts'
import { ensureSnapshot, removeSnapshot, snapshotMounts, SNAPSHOTTER } from './snapshots.ts'
import { makeFifo, openStdin } from './stdin.ts'
import { exitOf, isEnded, isUnbegun, waitForExit } from './task-exit.ts'
import { ClientError, Status } from 'nice-grpc'

const SPEC_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/Spec'
const RESOURCES_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources'
const RUNC_OPTIONS_TYPE = 'containerd.runc.v1.Options'
/** Label that says which specification a container was made of. */
const SPEC_LABEL = 'catalyst/spec'
/** A shim and a folder may stand in the way of a task. */
const MOST_OBSTACLES = 2

/**
 * Both streams go into one file, by two names of it: under one name (or as a `file://` address) the shim shares one open file,
 * which the stream that ends first closes, and the last words on the other one are lost. Both append.
 */
const outputTo = (logPath: string) => ({ stdout: logPath, stderr: `${path.dirname(logPath)}/./${path.basename(logPath)}` })

export type ContainerdRuntimeOptions = {
  socket: string
  namespace: string
  /** Snapshot that an image's unpacked layers end in; throws when the image is not there. */
  chainIdOf: (image: string) => Promise<string>
}

/** Runs games under containerd 1.6 to 2.x. The daemon may restart at any time: runs go on, and their ends are still told. */
export function createContainerdRuntime(options: ContainerdRuntimeOptions): Runtime {
  const client = connectContainerd(options.socket, options.namespace)
  const host = detectCgroupHost()
  const seccomp = readSeccompProfile(process.arch)
  const closing = new AbortController()
  const runcOptions = {
    typeUrl: RUNC_OPTIONS_TYPE,
    value: Buffer.from(RuncOptions.encode(RuncOptions.fromPartial({ systemdCgroup: host.isSystemd })).finish()),
  }
  const encode = (value: object) => Buffer.from(JSON.stringify(value))
  /** The live run of each workload, so that one is waited for once. */
  const runs = new Map<string, RunHandle>()

  const taskOf = async (id: string) => (await orNull(client.tasks.get({ containerId: id, execId: '' })))?.process
  const containerOf = async (id: string): Promise<Container | undefined> => (await orNull(client.containers.get({ id })))?.container

  function track(id: string, pid: number, stdinPath: string): RunHandle {
    const stdin = openStdin(stdinPath)
    const exited = waitForExit(client, host, id, closing.signal).finally(() => {
      stdin.close()
      if (runs.get(id) === handle) runs.delete(id)
    })
    // Closing the agent ends the waiting, not the run: nobody is told an exit that did not happen.
    const handle: RunHandle = {
      id,
      pid,
      writeStdin: (bytes) => stdin.write(bytes),
      exited: exited.catch(() => new Promise<never>(() => undefined)),
    }
    runs.set(id, handle)
    return handle
  }

  async function deleteTask(id: string): Promise<void> {
    await orNull(client.tasks.delete({ containerId: id }))
    await releaseGroup(host, client.namespace, id)
  }

  async function collect(id: string): Promise<RunExit | null> {
    const task = await taskOf(id)
    if (task !== undefined && isUnbegun(task)) await endTask(id)
    // Killed while it makes or deletes one, containerd may keep a shim with nothing in it: no task, and a name that is taken.
    if (task === undefined) await deleteTask(id)
    if (task === undefined || !isEnded(task)) return null
    const exit = exitOf(host, client.namespace, id, task.exitStatus, task.exitedAt)
    await deleteTask(id)
    return exit
  }

  /** Kills a live task and deletes it, so that its container can be replaced or removed. */
  async function endTask(id: string): Promise<void> {
    const task = await taskOf(id)
    if (task === undefined) return
    if (!isEnded(task)) {
      await orNull(client.tasks.kill({ containerId: id, execId: '', signal: 9, all: true }))
      await waitForExit(client, host, id, closing.signal)
    }
    await deleteTask(id)
  }

  /** Takes away what a containerd left that was killed while it made a task, and makes it. Its process id. */
  async function makeTask(request: CreateTaskRequest): Promise<number> {
    const id = request.containerId
    for (let obstacles = 0; ; obstacles += 1) {
      try {
        return (await reaching(client.tasks.create(request))).pid
      } catch (error) {
        if (obstacles === MOST_OBSTACLES || !(error instanceof ClientError)) throw error
        // A shim with nothing in it has the name, or the folder is there already.
        if (error.code === Status.ALREADY_EXISTS) await collect(id)
        else if (!(await removeBundle(client.namespace, id, error.details))) throw error
      }
    }
  }

  async function createContainer(spec: WorkloadSpec, oci: Buffer, fingerprint: string): Promise<void> {
    await unlessExists(
      client.containers.create({
        container: {
          id: spec.id,
          image: spec.image,
          runtime: { name: 'io.containerd.runc.v2', options: runcOptions },
          spec: { typeUrl: SPEC_TYPE, value: oci },
          snapshotter: SNAPSHOTTER,
          snapshotKey: spec.id,
          labels: { ...spec.labels, [SPEC_LABEL]: fingerprint },
        },
      }),
    )
  }

  return {
    async describe() {
      const version = await reaching(client.version.version({}))
      await unlessExists(client.namespaces.create({ namespace: { name: options.namespace, labels: {} } }))
      return { name: 'containerd', version: version.version, cgroupVersion: host.version }
    },

    async list() {
      const [{ containers }, { tasks }] = await Promise.all([
        reaching(client.containers.list({ filters: [] })),
        reaching(client.tasks.list({ filter: '' })),
      ])
      const byId = new Map(tasks.map((task) => [task.id === '' ? task.containerId : task.id, task]))
      return containers.map((container): WorkloadStatus => {
        const task = byId.get(container.id)
        if (task === undefined || isUnbegun(task)) return { id: container.id, labels: container.labels, run: { state: 'none' } }
        if (isEnded(task))
          return {
            id: container.id,
            labels: container.labels,
            run: { state: 'exited', exit: exitOf(host, options.namespace, container.id, task.exitStatus, task.exitedAt) },
          }
        return { id: container.id, labels: container.labels, run: { state: 'running', pid: task.pid } }
      })
    },

    async prepare(spec) {
      const oci = encode(buildOciSpec(spec, cgroupsPath(host, options.namespace, spec.id), seccomp))
      const fingerprint = createHash('sha256').update(spec.image).update(oci).digest('hex')
      const existing = await containerOf(spec.id)
      // The usual start: nothing has changed. A snapshot that is missing is made again by the start.
      if (existing?.labels[SPEC_LABEL] === fingerprint) return
      if (existing !== undefined) {
        await endTask(spec.id)
        await orNull(client.containers.delete({ id: spec.id }))
        if (existing.image !== spec.image) await removeSnapshot(client, spec.id)
      }
      // The container first: a snapshot that nothing refers to may be collected at any moment.
      await createContainer(spec, oci, fingerprint)
      await ensureSnapshot(client, spec.id, await options.chainIdOf(spec.image))
    },

    async start(id: string, { logPath, stdinPath }: StartOptions) {
      // Asked at once: each answer costs a start its time.
      const [container, task, mounts] = await Promise.all([containerOf(id), taskOf(id), snapshotMounts(client, id), makeFifo(stdinPath)])
      if (container === undefined) throw new WorkloadNotFoundError(`no container ${id}`)
      if (task !== undefined && !isEnded(task) && !isUnbegun(task)) return runs.get(id) ?? track(id, task.pid, stdinPath)
      if (task !== undefined) await collect(id)
      else {
        if (hasRuncContainer(client.namespace, id)) await reapOrphan(client.namespace, id)
        // A kill may have come between the two halves of collecting.
        await releaseGroup(host, client.namespace, id)
      }
      const rootfs = mounts ?? (await ensureSnapshot(client, id, await options.chainIdOf(container.image)))
      const streams = { stdin: stdinPath, ...outputTo(logPath), terminal: false }
      const pid = await makeTask({ containerId: id, rootfs, ...streams, checkpoint: undefined, options: runcOptions, runtimePath: '' })
      try {
        const handle = track(id, pid, stdinPath)
        if (container.spec !== undefined) weighDisk(host, options.namespace, id, cpuPercentOf(container.spec.value))
        await reaching(client.tasks.start({ containerId: id, execId: '' }))
        return handle
      } catch (error) {
        await endTask(id)
        throw error
      }
    },

    async recover(id, stdinPath) {
      const task = await taskOf(id)
      const known = runs.get(id)
      if (known !== undefined && (task === undefined || !isUnbegun(task))) return known
      return task === undefined || isEnded(task) || isUnbegun(task) ? null : track(id, task.pid, stdinPath)
    },

    async update(id: string, limits: WorkloadLimits) {
      const { metrics } = await reaching(client.tasks.metrics({ filters: [`id==${id}`] }))
      const data = metrics.find((metric) => metric.id === id)?.data
      const used = data === undefined ? 0 : (decodeCounters(data.typeUrl, data.value)?.memoryBytes ?? 0)
      // Version 2 would kill the game for it, version 1 would refuse.
      if (used > limits.memoryMiB * 2 ** 20) throw new LimitInUseError(Math.ceil(used / 2 ** 20), limits.memoryMiB)
      await reaching(
        client.tasks.update({
          containerId: id,
          // What is left out stays as it was: all cores have to be named.
          resources: { typeUrl: RESOURCES_TYPE, value: encode(resourcesOf({ ...limits, cpuset: limits.cpuset || onlineCores() })) },
          annotations: {},
        }),
      )
      weighDisk(host, options.namespace, id, limits.cpuPercent)
    },

    async signal(id: string, signal: PosixSignal) {
      const number = osConstants.signals[signal]
      try {
        await reaching(client.tasks.kill({ containerId: id, execId: '', signal: number, all: signal === 'SIGKILL' }))
      } catch (error) {
        // A run that has ended in the meantime: what was wanted has happened.
        if (!hasStatus(error, Status.NOT_FOUND, Status.FAILED_PRECONDITION)) throw error
      }
    },

    async sample() {
      const [{ metrics }, { tasks }] = await Promise.all([
        reaching(client.tasks.metrics({ filters: [] })),
        reaching(client.tasks.list({ filter: '' })),
      ])
      const pids = new Map(tasks.map((task) => [task.id === '' ? task.containerId : task.id, task.pid]))
      return metrics.flatMap(({ id, data }): RunSample[] => {
        const counters = data === undefined ? null : decodeCounters(data.typeUrl, data.value)
        const pid = pids.get(id)
        if (counters === null || pid === undefined) return []
        const network = readNetwork(pid)
        const processCount = countProcesses(host, options.namespace, id)
        return [{ id, pid, ...counters, processCount, networkRxBytes: network.rx, networkTxBytes: network.tx }]
      })
    },

    collect,

    async abandon(id) {
      await collect(id)
      if (hasRuncContainer(client.namespace, id) && (await taskOf(id)) === undefined) await reapOrphan(client.namespace, id)
    },

    async remove(id) {
      await endTask(id)
      await reapOrphan(client.namespace, id)
      await orNull(client.containers.delete({ id }))
      await removeSnapshot(client, id)
    },

    close() {
      closing.abort()
      client.close()
      return Promise.resolve()
    },
  }
}
