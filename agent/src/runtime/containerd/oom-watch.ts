import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerdClient } from './client.ts'
import { TaskOOM } from './generated/github.com/containerd/containerd/api/events/task.ts'

const RETRY_MS = 500
/** The event comes before the end of the task, over another stream: it may be read a little later. */
const LATE_MS = 250

/** Remembers which workloads the kernel killed for memory, as containerd tells it. */
export type OomWatch = {
  /** True when it was told since `forget`, or is within a moment. */
  wasTold(id: string): Promise<boolean>
  /** A new run begins. */
  forget(id: string): void
}

/**
 * Where systemd keeps the groups they are gone together with the last process, so nobody can look into them afterwards:
 * the event is the only witness. The stream ends with the daemon and is opened again.
 */
export function watchOom(client: ContainerdClient, signal: AbortSignal): OomWatch {
  const told = new Set<string>()

  async function listen(): Promise<void> {
    while (!signal.aborted) {
      try {
        const filters = [`topic=="/tasks/oom",namespace==${client.namespace}`]
        for await (const { event, namespace } of client.events.subscribe({ filters }, { signal })) {
          if (event !== undefined && namespace === client.namespace) told.add(TaskOOM.decode(event.value).containerId)
        }
      } catch {
        // The daemon is away; what it does not tell is not known.
      }
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
    }
  }
  void listen()

  return {
    async wasTold(id) {
      if (!told.has(id)) await delay(LATE_MS)
      return told.has(id)
    },
    forget: (id) => void told.delete(id),
  }
}
