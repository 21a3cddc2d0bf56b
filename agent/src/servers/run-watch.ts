import { createReadyMatcher } from './ready.ts'
import { createFileReader, watchFile, type FileWatch } from './server-console.ts'
import type { ServerSpec } from '../state/records.ts'

/** A game without a ready text counts as running when it has lived this long. */
const ALIVE_MS = 2000
/** Between looks, so that output without end leaves time for the other servers. */
const PAUSE_MS = 10

export type ReadyWatch = { close(): void }

/**
 * Calls `onReady` once: when the ready text was seen, when the game lived long enough without one, or, after the time-out,
 * with false. The run is read from its start, so that nothing is missed after an agent restart.
 */
export function watchReady(file: string, rule: ServerSpec['ready'], onReady: (wasSeen: boolean) => void): ReadyWatch {
  let watcher: FileWatch | null = null
  let isDone = false
  let pause: NodeJS.Timeout | undefined
  const finish = (wasSeen: boolean) => {
    if (isDone) return
    isDone = true
    close()
    onReady(wasSeen)
  }
  const timer = setTimeout(
    () => {
      finish(rule === null)
    },
    rule === null ? ALIVE_MS : rule.timeoutSeconds * 1000,
  )
  const close = () => {
    isDone = true
    clearTimeout(timer)
    clearTimeout(pause)
    watcher?.close()
  }
  if (rule !== null) {
    const matches = createReadyMatcher(rule)
    const read = createFileReader(file)
    const look = () => {
      pause = undefined
      let hasMore = false
      for (const output of read()) {
        hasMore = true
        if (!matches(output)) continue
        finish(true)
        return
      }
      if (hasMore) pause = setTimeout(look, PAUSE_MS)
    }
    watcher = watchFile(file, () => {
      if (!isDone && pause === undefined) look()
    })
    look()
  }
  return { close }
}
