import {
  createChannel,
  createClientFactory,
  ClientError,
  Metadata,
  Status,
  type CallOptions,
  type Client,
  type ClientMiddlewareCall,
} from 'nice-grpc'
import { ContainersDefinition } from './generated/github.com/containerd/containerd/api/services/containers/v1/containers.ts'
import { ContentDefinition } from './generated/github.com/containerd/containerd/api/services/content/v1/content.ts'
import { DiffDefinition } from './generated/github.com/containerd/containerd/api/services/diff/v1/diff.ts'
import { ImagesDefinition } from './generated/github.com/containerd/containerd/api/services/images/v1/images.ts'
import { LeasesDefinition } from './generated/github.com/containerd/containerd/api/services/leases/v1/leases.ts'
import { NamespacesDefinition } from './generated/github.com/containerd/containerd/api/services/namespaces/v1/namespace.ts'
import { SnapshotsDefinition } from './generated/github.com/containerd/containerd/api/services/snapshots/v1/snapshots.ts'
import { TasksDefinition } from './generated/github.com/containerd/containerd/api/services/tasks/v1/tasks.ts'
import { VersionDefinition } from './generated/github.com/containerd/containerd/api/services/version/v1/version.ts'
import { RuntimeUnavailableError } from '../runtime-errors.ts'

/** A call that containerd has not answered by then is given up; waiting for a task and unpacking have no limit. */
const CALL_TIMEOUT_MS = 60_000

/** Our namespace of one containerd. */
export type ContainerdClient = {
  namespace: string
  containers: Client<typeof ContainersDefinition>
  content: Client<typeof ContentDefinition>
  diff: Client<typeof DiffDefinition>
  images: Client<typeof ImagesDefinition>
  leases: Client<typeof LeasesDefinition>
  namespaces: Client<typeof NamespacesDefinition>
  snapshots: Client<typeof SnapshotsDefinition>
  tasks: Client<typeof TasksDefinition>
  version: Client<typeof VersionDefinition>
  close(): void
}

/** Connects lazily and again by itself; `socket` is a path. */
export function connectContainerd(socket: string, namespace: string): ContainerdClient {
  const channel = createChannel(`unix://${socket}`, undefined, {
    'grpc.max_receive_message_length': 64 * 2 ** 20,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
  })
  async function* withTimeout<Request, Response>(call: ClientMiddlewareCall<Request, Response>, options: CallOptions) {
    const limited =
      options.signal === undefined && !call.responseStream && !call.requestStream
        ? { ...options, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) }
        : options
    return yield* call.next(call.request as Request, limited)
  }
  const factory = createClientFactory().use(withTimeout)
  const defaults = { '*': { metadata: Metadata({ 'containerd-namespace': namespace }) } }
  return {
    namespace,
    containers: factory.create(ContainersDefinition, channel, defaults),
    content: factory.create(ContentDefinition, channel, defaults),
    diff: factory.create(DiffDefinition, channel, defaults),
    images: factory.create(ImagesDefinition, channel, defaults),
    leases: factory.create(LeasesDefinition, channel, defaults),
    namespaces: factory.create(NamespacesDefinition, channel, defaults),
    snapshots: factory.create(SnapshotsDefinition, channel, defaults),
    tasks: factory.create(TasksDefinition, channel, defaults),
    version: factory.create(VersionDefinition, channel, defaults),
    close() {
      channel.close()
    },
  }
}

/** Metadata that puts what a call makes under a lease, safe from garbage collection. */
export function underLease(namespace: string, lease: string): CallOptions {
  return { metadata: Metadata({ 'containerd-namespace': namespace, 'containerd-lease': lease }) }
}

export function hasStatus(error: unknown, ...statuses: Status[]): boolean {
  return error instanceof ClientError && statuses.includes(error.code)
}

/** True when containerd did not answer, as opposed to answering with an error, or its shim went away while it was asked. */
export function isUnavailable(error: unknown): boolean {
  return (
    (hasStatus(error, Status.UNKNOWN) && (error as ClientError).details.endsWith('ttrpc: closed')) ||
    hasStatus(error, Status.UNAVAILABLE, Status.CANCELLED, Status.DEADLINE_EXCEEDED) ||
    (error instanceof Error && error.name === 'AbortError')
  )
}

/** Turns "does not answer" into the runtime's own error; others pass. */
export async function reaching<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (isUnavailable(error)) throw new RuntimeUnavailableError('containerd does not answer', { cause: error })
    throw error
  }
}

/** null when containerd says NOT_FOUND. */
export async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await reaching(call)
  } catch (error) {
    if (hasStatus(error, Status.NOT_FOUND)) return null
    throw error
  }
}

/** True when it was made now; false when it was there already. */
export async function unlessExists(call: Promise<unknown>): Promise<boolean> {
  try {
    await reaching(call)
    return true
  } catch (error) {
    if (hasStatus(error, Status.ALREADY_EXISTS)) return false
    throw error
  }
}
