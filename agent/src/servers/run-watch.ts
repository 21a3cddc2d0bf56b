import { createReadyMatcher } from './ready.ts'
import { createFileReader, watchFile, type FileWatch } from './server-console.ts'
import type { ServerSpec } from '../state/records.ts'

/** A game without a ready text counts as running when it has lived this long. */
const ALIVE_MS = 2000

export type ReadyWatch = { close(): void }

/**
 * Calls `onReady` once: when the ready text was seen, when the game lived long enough without one, or, after the time-out,
 * with false. The run is read from its start, so that nothing is missed after an agent restart.
 */
export function watchReady(file: string, rule: ServerSpec['ready'], onReady: (wasSeen: boolean) => void): ReadyWatch {
  let watcher: FileWatch | null = null
  let isDone = false
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
    watcher?.close()
  }
  if (rule !== null) {
    const matches = createReadyMatcher(rule)
    const read = createFileReader(file)
    const look = () => {
      if (isDone) return
      for (const output of read()) {
        if (!matches(output)) continue
        finish(true)
        return
      }
    }
    watcher = watchFile(file, look)
    look()
  }
  return { close }
}
