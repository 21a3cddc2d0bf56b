import { statfs } from 'node:fs/promises'
import { createFloodGuard, DEFAULT_FLOOD_RULE, type FloodGuard } from '../console/flood-guard.ts'
import type { ServerRunner } from './server-runner.ts'

const LOOK_MS = 1000

type Watched = Pick<ServerRunner, 'id' | 'console' | 'record'>

/** Looks at the output of all servers once a second, until it is closed. */
export type FloodWatch = { close(): void }

/**
 * @param folder on the file system of the logs
 * @param onCut is told what was given up of a server's output, in bytes
 */
export function watchFloods(
  registry: { all(): readonly Watched[] },
  folder: string,
  onCut: (serverId: string, bytes: number) => void,
  onError: (error: unknown) => void,
  monotonicMs: () => number,
): FloodWatch {
  const guards = new Map<string, FloodGuard>()
  let isLooking = false

  async function look(): Promise<void> {
    const { blocks, bavail } = await statfs(folder)
    const runners = registry.all()
    for (const id of guards.keys()) if (!runners.some((runner) => runner.id === id)) guards.delete(id)
    // One that cannot be looked at, its log may be damaged, does not leave the others unwatched.
    for (const runner of runners) await lookAt(runner, bavail / blocks).catch(onError)
  }

  async function lookAt({ id, console, record }: Watched, freeShare: number): Promise<void> {
    console.stream.noteTime()
    const guard = guards.get(id) ?? createFloodGuard(console.stream, monotonicMs)
    guards.set(id, guard)
    const wasFlooding = guard.isFlooding()
    const cut = await guard.look(record().assignment.flood ?? DEFAULT_FLOOD_RULE, freeShare)
    if (cut > 0) onCut(id, cut)
    // What was held back may go on.
    if (cut > 0 || wasFlooding) console.changed()
  }

  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    look()
      .catch(onError)
      .finally(() => {
        isLooking = false
      })
  }, LOOK_MS)
  timer.unref()
  return {
    close() {
      clearInterval(timer)
    },
  }
}
