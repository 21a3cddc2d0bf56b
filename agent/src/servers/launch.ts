import { chownSync, mkdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { passStep } from '../lib/steps.ts'
import { ForeignAddressError, PortInUseError } from '../network/port-check.ts'
import { RuntimeUnavailableError } from '../runtime/runtime-errors.ts'
import type { RunHandle } from '../runtime/runtime.ts'
import type { Problem } from '../state/records.ts'
import { fingerprintOf, limitsOf, portsOf, workloadOf } from './ports.ts'
import { done, failed, type RunnerCore } from './runner-core.ts'
import type { ServerRun } from './server-run.ts'
import type { Turn } from './start-gate.ts'

const RUNTIME_AWAY: Problem = { code: 'RUNTIME_UNAVAILABLE', message: 'containerd does not answer on this node; the start waits for it.' }
const RUNTIME_RETRY_MS = 500
/** A game that takes longer to be ready does not hold up the others any more. */
const LONGEST_TURN_MS = 60_000

/** Starts of a server, one at a time. */
export type Launcher = {
  /** @param isInTurn waits until few enough others are starting */
  launch(isInTurn: boolean): void
  isLaunching(): boolean
  /** Gives up a start; one that has made a process is stopped then. */
  abort(reason: string): void
  /** The server is no longer starting: others may. */
  leaveTurn(): void
  /** Resolves when no start is under way. */
  settled(): Promise<void>
}

/** Words for people about why a start failed. */
function problemOf(error: unknown): Problem {
  if (error instanceof PortInUseError) return { code: 'PORT_IN_USE', message: error.message }
  if (error instanceof ForeignAddressError) return { code: 'FOREIGN_ADDRESS', message: error.message }
  return { code: 'START_FAILED', message: error instanceof Error ? error.message : String(error) }
}

export function createLauncher(core: RunnerCore, run: ServerRun): Launcher {
  const { id, folders, deps } = core
  const { runtime, network } = deps
  let launching: AbortController | null = null
  let launched: Promise<void> = Promise.resolve()
  let turn: Turn | null = null
  let turnTimer: NodeJS.Timeout | undefined

  function leaveTurn(): void {
    clearTimeout(turnTimer)
    turn?.leave()
    turn = null
  }

  async function enterTurn(signal: AbortSignal): Promise<void> {
    turn = await deps.startGate.enter(signal)
    turnTimer = setTimeout(leaveTurn, LONGEST_TURN_MS)
    turnTimer.unref()
  }

  /** A runtime that is away is waited for: a wish is not lost by it. */
  async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        const result = await work()
        signal.throwIfAborted()
        return result
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof RuntimeUnavailableError)) throw error
        if (core.record().problem === null) core.report({ problem: RUNTIME_AWAY })
        await delay(RUNTIME_RETRY_MS, undefined, { signal })
      }
    }
  }

  /** Everything before the process. */
  async function prepare(signal: AbortSignal): Promise<string> {
    const { spec } = core.record().assignment
    const image = await patiently(() => deps.images.ensure(spec.image, () => undefined, signal), signal)
    passStep('start:image', id)
    mkdirSync(folders.files, { recursive: true, mode: 0o700 })
    chownSync(folders.files, core.record().uid, core.record().uid)
    const { namespacePath } = await network.attach(id, portsOf(spec))
    signal.throwIfAborted()
    passStep('start:network', id)
    const workload = workloadOf(core.record(), image, namespacePath, folders.files)
    await patiently(() => runtime.prepare(workload), signal)
    passStep('start:prepared', id)
    const runId = deps.newId()
    const { logPath } = core.console.stream.beginRun(runId)
    // What the run goes by is known before there is one: the next agent may find it.
    core.save({ runId, run: { fingerprint: fingerprintOf(spec), limits: limitsOf(spec), areLimitsRefused: false } })
    core.console.notice('Starting')
    return logPath
  }

  function started(handle: RunHandle, isCancelled: boolean): void {
    passStep('start:created', id)
    launching = null
    run.follow(handle, deps.now())
    passStep('start:stored', id)
    core.report()
    void run.applyLimits()
    // A stop that came while the process was being made.
    if (isCancelled && core.record().state === 'STOPPING') void (core.record().wasKilled ? run.kill() : run.stop())
  }

  async function launch(isInTurn: boolean, abort: AbortController): Promise<void> {
    const isCancelled = () => abort.signal.aborted
    let isMaking = false
    try {
      if (run.isLive()) throw new Error('The process of the last run has not ended.')
      passStep('start:begun', id)
      if (isInTurn) await enterTurn(abort.signal)
      const logPath = await prepare(abort.signal)
      if (core.isClosed()) return
      isMaking = true
      const handle = await patiently(() => runtime.start(id, { logPath, stdinPath: folders.stdin }), abort.signal)
      // The next agent finds the run.
      if (!core.isClosed()) started(handle, isCancelled())
    } catch (error) {
      if (core.isClosed()) return
      // An answer may have been lost: what runs is looked after, whatever the answer was.
      const live = isMaking ? await core.retry(() => runtime.recover(id, folders.stdin)) : null
      if (core.isClosed()) return
      if (live !== null) {
        started(live, isCancelled())
        return
      }
      if (isMaking) await core.retry(() => runtime.abandon(id))
      await undo(isCancelled() ? null : problemOf(error))
    }
  }

  async function undo(problem: Problem | null): Promise<void> {
    core.console.stream.endRun()
    await network.detach(id).catch(() => undefined)
    if (core.isClosed()) return
    launching = null
    if (problem === null) {
      core.finish(core.waiting.kill.splice(0).map(done))
      core.dispatch({ kind: 'startCancelled' })
      return
    }
    core.console.notice(`The start failed: ${problem.message}`)
    core.finish(core.waiting.restart.splice(0).map((command) => failed(command, problem.code, problem.message)))
    core.dispatch({ kind: 'startFailed', problem })
  }

  return {
    launch(isInTurn) {
      const abort = new AbortController()
      launching = abort
      launched = launch(isInTurn, abort)
    },
    isLaunching: () => launching !== null,
    abort(reason) {
      launching?.abort(new Error(reason))
    },
    leaveTurn,
    settled: () => launched,
  }
}
