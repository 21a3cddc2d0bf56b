import { setTimeout as delay } from 'node:timers/promises'
import type { RunExit } from '../runtime.ts'
import { wasOutOfMemory, type CgroupHost } from './cgroup.ts'
import { isUnavailable, orNull, type ContainerdClient } from './client.ts'
import { Status as TaskStatus, type Process } from './generated/github.com/containerd/containerd/api/types/task/task.ts'
import type { Timestamp } from './generated/google/protobuf/timestamp.ts'

const RETRY_MS = 200

function dateOf(timestamp: Timestamp | undefined): Date {
  // Go's zero time stands for "not known".
  const seconds = Number(timestamp?.seconds ?? 0n)
  return seconds > 0 ? new Date(seconds * 1000 + (timestamp?.nanos ?? 0) / 1e6) : new Date()
}

/** How a task ended. A kill for memory counts only when it ended the run: a child alone may have been the victim. */
export function exitOf(host: CgroupHost, namespace: string, id: string, code: number, at: Timestamp | undefined): RunExit {
  return { code, outOfMemory: code !== 0 && wasOutOfMemory(host, namespace, id), at: dateOf(at) }
}

/** Made and never started: whoever made it was killed in between. Its process waits for ever and is no game. */
export const isUnbegun = (process: Process): boolean => process.status === TaskStatus.CREATED

export const isEnded = (process: Process): boolean => process.status === TaskStatus.STOPPED

/**
 * Waits for the end of a task. containerd may come and go meanwhile: then it is asked again; when the task is gone, which
 * newer versions do with tasks that end while they are away, the code is unknown.
 */
export async function waitForExit(client: ContainerdClient, host: CgroupHost, id: string, signal: AbortSignal): Promise<RunExit> {
  const unknown = (): RunExit => ({ code: null, outOfMemory: wasOutOfMemory(host, client.namespace, id), at: new Date() })
  for (;;) {
    signal.throwIfAborted()
    try {
      const result = await client.tasks.wait({ containerId: id, execId: '' }, { signal })
      return exitOf(host, client.namespace, id, result.exitStatus, result.exitedAt)
    } catch (error) {
      signal.throwIfAborted()
      if (!isUnavailable(error)) {
        const task = await orNull(client.tasks.get({ containerId: id, execId: '' })).catch(() => undefined)
        if (task === null) return unknown()
        const process = task?.process
        if (process !== undefined && isEnded(process)) return exitOf(host, client.namespace, id, process.exitStatus, process.exitedAt)
      }
      await delay(RETRY_MS, undefined, { signal })
    }
  }
}
