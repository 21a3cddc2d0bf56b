import { closeSync, openSync, readSync, watch, type FSWatcher } from 'node:fs'
import type { ConsoleStream } from '../console/console-stream.ts'

const READ_BYTES = 64 * 1024
/** Of one look at a file: a game that floods it must not keep the agent from everything else. */
const READS_AT_ONCE = 8
/** Some file systems tell nothing of changes. */
const FALLBACK_MS = 1000

/** Tells when a run's file has grown. */
export type FileWatch = { close(): void }

export function watchFile(file: string, onChange: () => void): FileWatch {
  let watcher: FSWatcher | null = null
  try {
    watcher = watch(file, { persistent: false }, onChange)
    watcher.on('error', () => undefined)
  } catch {
    // Out of inotify instances: the timer does it alone.
  }
  const timer = setInterval(onChange, FALLBACK_MS)
  timer.unref()
  return {
    close() {
      watcher?.close()
      clearInterval(timer)
    },
  }
}

/** Reads a growing file from its start, whatever the console has sent; each call gives some of what is new, nothing at its end. */
export function createFileReader(file: string): () => Generator<Buffer> {
  let offset = 0
  return function* () {
    let descriptor: number
    try {
      descriptor = openSync(file, 'r')
    } catch {
      // Removed with its server while a change was being told.
      return
    }
    try {
      for (let reads = 0; reads < READS_AT_ONCE; reads += 1) {
        const buffer = Buffer.alloc(READ_BYTES)
        const length = readSync(descriptor, buffer, 0, READ_BYTES, offset)
        if (length === 0) return
        offset += length
        yield buffer.subarray(0, length)
      }
    } finally {
      closeSync(descriptor)
    }
  }
}

/** A console with the news that it has grown. */
export type ServerConsole = {
  stream: ConsoleStream
  /** Puts a sentence of the agent into the console. */
  notice(text: string): void
  /** Puts what somebody typed into the console, before it is written to the game. */
  input(text: string, actor: string): void
  changed(): void
}

export function createServerConsole(stream: ConsoleStream, onChange: () => void): ServerConsole {
  return {
    stream,
    notice(text) {
      stream.insert('NOTICE', `${text}\n`, null)
      onChange()
    },
    input(text, actor) {
      stream.insert('INPUT', text.endsWith('\n') ? text : `${text}\n`, actor)
      onChange()
    },
    changed: onChange,
  }
}
