import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync, renameSync, statSync } from 'node:fs'
import path from 'node:path'
import { readPid, removePid, stopPid, writePid } from './pid-file.ts'

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 30_000
/** Of a part that had become ready: it can start, and others wait for it. */
const LONGEST_WAIT_AFTER_READY_MS = 1000
/** A part that was ready for this long had started well: whatever ended it, it is back after the shortest wait. */
const STABLE_MS = 5_000
const LARGEST_LOG_BYTES = 64 * 2 ** 20

export type PartOptions = {
  /** Names the pid file and the log. */
  name: string
  /** Script that this Node runs, absolute. */
  script: string
  /** Of Node itself. */
  flags?: readonly string[]
  env: NodeJS.ProcessEnv
  dataDir: string
  say: (text: string) => void
  /** Restarts on edits of its sources (Node's watch mode). */
  isWatched?: boolean
}

/** A process of the product that is started again when it dies, with growing waits. */
export type Part = {
  /** Resolves when the part says over its IPC channel that it is ready; rejects when it ends three times before that. */
  ready: Promise<void>
  /** SIGTERM, then SIGKILL after 15 s. */
  stop(): Promise<void>
}

const logFile = (dataDir: string, name: string) => path.join(dataDir, 'logs', `${name}.log`)

/** Opens a log for appending; one that has grown too large is set aside first. */
export function openLog(dataDir: string, name: string): number {
  const file = logFile(dataDir, name)
  try {
    if (statSync(file).size > LARGEST_LOG_BYTES) renameSync(file, `${file}.1`)
  } catch {
    // No log yet.
  }
  return openSync(file, 'a', 0o640)
}

/** Starts a part and keeps it running until `stop`. One that a killed supervisor left behind is stopped first. */
export async function supervise(options: PartOptions): Promise<Part> {
  const { name, script, env, dataDir, say } = options
  const pidFile = path.join(dataDir, 'run', `${name}.pid`)
  const ready = Promise.withResolvers<void>()
  let child: ChildProcess | null = null
  let timer: NodeJS.Timeout | null = null
  let isStopping = false
  let isReady = false
  let failures = 0

  const old = readPid(pidFile, script)
  if (old !== null) await stopPid(old)

  const launch = () => {
    timer = null
    const log = openLog(dataDir, name)
    let readySince = Infinity
    // A process group of its own: Ctrl-C in the terminal reaches the supervisor alone, which then stops the parts in order.
    const watching = options.isWatched === true ? ['--watch', '--watch-preserve-output'] : []
    const process_ = spawn(process.execPath, [...(options.flags ?? []), ...watching, script], {
      env,
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    })
    closeSync(log)
    child = process_
    if (process_.pid !== undefined) writePid(pidFile, process_.pid)
    process_.on('message', (message) => {
      if (message !== 'ready') return
      isReady = true
      // Said again at each new session.
      readySince = Math.min(readySince, performance.now())
      ready.resolve()
    })
    process_.once('error', (error) => {
      say(`${name} could not be started: ${error.message}`)
    })
    process_.once('exit', (code, signal) => {
      child = null
      removePid(pidFile)
      if (isStopping) return
      failures = performance.now() - readySince > STABLE_MS ? 1 : failures + 1
      const reason = signal ?? `exit status ${String(code)}`
      if (!isReady && failures >= 3) {
        ready.reject(new Error(`${name} ended three times (${reason}); its log is ${logFile(dataDir, name)}`))
        return
      }
      const longest = readySince === Infinity ? LONGEST_WAIT_MS : LONGEST_WAIT_AFTER_READY_MS
      const wait = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), longest)
      say(`${name} ended (${reason}); starting it again in ${String(wait / 1000)} s`)
      timer = setTimeout(launch, wait)
    })
  }
  launch()

  return {
    ready: ready.promise,
    async stop() {
      isStopping = true
      if (timer !== null) clearTimeout(timer)
      const running = child
      if (running?.pid === undefined) return
      const gone = once(running, 'exit')
      await stopPid(running.pid)
      await gone
    },
  }
}
