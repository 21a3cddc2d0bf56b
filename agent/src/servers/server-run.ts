import { passStep } from '../lib/steps.ts'
import { RuntimeUnavailableError } from '../runtime/runtime-errors.ts'
import type { RunExit, RunHandle } from '../runtime/runtime.ts'
import type { RunSpec } from '../state/records.ts'
import { isSignal, limitsOf } from './ports.ts'
import { watchReady, type ReadyWatch } from './run-watch.ts'
import { done, type RunnerCore } from './runner-core.ts'
import { watchFile, type FileWatch } from './server-console.ts'
import type { RunnerEvent } from './server-state.ts'

const KILL_TIMEOUT_MS = 30_000

/** The live run of a server: what is told to it and seen of it. */
export type ServerRun = {
  isLive(): boolean
  /** Listens to a live run: its output, its being ready, its end. */
  follow(run: RunHandle, since: Date): void
  /** Tells the game to stop; told already, by this agent or one before, it is only waited for. */
  stop(): Promise<void>
  kill(): Promise<void>
  /** Rejects when the game does not read. */
  write(text: string): Promise<void>
  /** Gives the run the limits of the newest spec. */
  applyLimits(): Promise<void>
  /** The run is over, or not looked after any more. */
  leave(): void
}

const isSame = (a: RunSpec['limits'], b: RunSpec['limits']) =>
  a.memoryMiB === b.memoryMiB && a.cpuPercent === b.cpuPercent && a.cpuset === b.cpuset && a.pids === b.pids

/** @param onExit called once for each run that was followed to its end */
export function createServerRun(core: RunnerCore, onExit: (exit: RunExit) => void): ServerRun {
  const { id } = core
  const { runtime, now } = core.deps
  let handle: RunHandle | null = null
  let timer: NodeJS.Timeout | undefined
  let ready: ReadyWatch | null = null
  let growth: FileWatch | null = null
  let isApplying = false

  function setTimer(milliseconds: number, event: RunnerEvent): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      core.dispatch(event)
    }, milliseconds)
  }

  function watch(): void {
    const file = core.console.stream.liveFile()
    if (file === null) return
    growth = watchFile(file, core.console.changed)
    // What was written before the watch began is not told by it.
    core.console.changed()
    if (core.record().state !== 'STARTING') return
    ready = watchReady(file, core.record().assignment.spec.ready, (wasSeen) => {
      if (!wasSeen) core.console.notice('The ready text was not seen in time; taken as running')
      core.dispatch({ kind: 'ready' })
    })
  }

  async function tell(run: RunHandle): Promise<void> {
    const rule = core.record().assignment.spec.stop
    try {
      if (rule.command !== null) {
        core.console.input(rule.command, 'Catalyst')
        await run.writeStdin(Buffer.from(`${rule.command}\n`))
        return
      }
    } catch {
      // A game that does not read gets the signal instead.
    }
    const signal = rule.signal !== null && isSignal(rule.signal) ? rule.signal : 'SIGTERM'
    await core.retry(() => runtime.signal(id, signal))
  }

  return {
    isLive: () => handle !== null,

    follow(run, since) {
      handle = run
      const { runningSince, runId } = core.record()
      core.save(
        { runningSince: since.toISOString(), pendingExit: null, problem: null },
        {
          events: runningSince === null ? [{ kind: 'STARTED', runId, at: since.toISOString() }] : [],
          results: core.waiting.restart.splice(0).map(done),
        },
      )
      watch()
      void run.exited.then((exit) => {
        if (!core.isClosed()) onExit(exit)
      })
    },

    async stop() {
      if (handle === null) return
      const { stopSentAt, assignment } = core.record()
      const limit = assignment.spec.stop.timeoutSeconds * 1000
      const waited = stopSentAt === null ? 0 : now().getTime() - Date.parse(stopSentAt)
      setTimer(Math.min(limit, Math.max(0, limit - waited)), { kind: 'stopTimedOut' })
      if (stopSentAt !== null) return
      passStep('stop:begun', id)
      const run = handle
      await tell(run)
      if (core.isClosed()) return
      // Noted afterwards: a game may be told twice, but it is never killed without having been told.
      if (handle === run) core.save({ stopSentAt: now().toISOString() })
      passStep('stop:sent', id)
    },

    async kill() {
      if (handle === null) return
      clearTimeout(timer)
      const run = handle
      core.save({ wasKilled: true })
      core.console.notice('Killing')
      await core.retry(() => runtime.signal(id, 'SIGKILL'))
      if (core.isClosed()) return
      passStep('kill:sent', id)
      if (handle === run) setTimer(KILL_TIMEOUT_MS, { kind: 'killTimedOut' })
    },

    async write(text) {
      if (handle === null) throw new Error('The server is not running.')
      await handle.writeStdin(Buffer.from(text))
    },

    async applyLimits() {
      if (isApplying) return
      isApplying = true
      for (;;) {
        const run = handle
        const { run: spec, assignment } = core.record()
        const limits = limitsOf(assignment.spec)
        if (run === null || spec === null || core.isClosed()) break
        if (isSame(spec.limits, limits)) {
          if (spec.areLimitsRefused) core.report({ run: { ...spec, areLimitsRefused: false } })
          break
        }
        const refusal = await core.retry(async () => {
          try {
            await runtime.update(id, limits)
            return null
          } catch (error) {
            if (error instanceof RuntimeUnavailableError) throw error
            return error instanceof Error ? error.message : String(error)
          }
        })
        // The run may have ended meanwhile: then the next one starts with them.
        if (core.isClosed() || handle !== run) break
        if (refusal === null) {
          core.report({ run: { ...spec, limits, areLimitsRefused: false } })
          core.console.notice(
            `Limits are now ${String(limits.memoryMiB)} MiB of memory, ${String(limits.cpuPercent)} % CPU${limits.cpuset === '' ? '' : ` on ${limits.cpuset}`} and ${String(limits.pids)} processes`,
          )
          continue
        }
        core.report({ run: { ...spec, areLimitsRefused: true } })
        core.console.notice(`The new limits need a restart: ${refusal}`)
        break
      }
      isApplying = false
    },

    leave() {
      handle = null
      clearTimeout(timer)
      ready?.close()
      growth?.close()
    },
  }
}
