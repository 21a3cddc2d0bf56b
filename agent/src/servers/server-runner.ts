import { chownSync, mkdirSync, rmSync } from 'node:fs'
import { createConsoleStream } from '../console/console-stream.ts'
import { runInstallation, installIdOf, type Installation } from '../installations/installation.ts'
import { ForeignAddressError, PortInUseError } from '../network/port-check.ts'
import { RuntimeUnavailableError, StdinClosedError, StdinFullError } from '../runtime/runtime-errors.ts'
import type { RunExit, RunHandle, WorkloadStatus } from '../runtime/runtime.ts'
import type { Assignment, CommandRecord, CommandResult, Problem, ServerRecord } from '../state/records.ts'
import type { Store } from '../state/store.ts'
import { isSignal, portsOf, workloadOf, type RunnerDeps } from './ports.ts'
import { watchReady, type ReadyWatch } from './run-watch.ts'
import { createServerConsole, watchFile, type FileWatch, type ServerConsole } from './server-console.ts'
import { transition, type RunnerEffect, type RunnerEvent } from './server-state.ts'

const KILL_TIMEOUT_MS = 30_000

/** What a runner tells the session. Each may be called at any time; the newest state is what counts. */
export type RunnerListener = {
  reported(record: ServerRecord): void
  consoleChanged(serverId: string): void
  installationChanged(installation: Installation): void
  finished(result: CommandResult): void
}

/** Looks after one server: brings it to what is wanted and tells what it sees. Servers never wait for each other. */
export type ServerRunner = {
  readonly id: string
  readonly console: ServerConsole
  record(): ServerRecord
  /** The installation that runs or ran last in this life of the agent. */
  installation(): Installation | null
  /** Takes up what the runtime shows after a start of the agent. */
  boot(status: WorkloadStatus | undefined): Promise<void>
  assign(assignment: Assignment): void
  command(command: CommandRecord): void
  /** Reports the newest state again. */
  report(): void
  /** The agent stops; the game goes on. */
  close(): void
}

const failed = (commandId: string, errorCode: string, error: string): CommandResult => ({ commandId, status: 'FAILED', errorCode, error })
const done = (commandId: string): CommandResult => ({ commandId, status: 'DONE', errorCode: null, error: null })
const superseded = (commandId: string): CommandResult => ({ commandId, status: 'SUPERSEDED', errorCode: null, error: null })

/** Where the console begins says nothing about the wish. */
const isSameWish = (a: Assignment, b: Assignment) =>
  JSON.stringify({ ...a, consolePosition: 0 }) === JSON.stringify({ ...b, consolePosition: 0 })

/** Words for people about why a start failed. */
function problemOf(error: unknown): Problem {
  if (error instanceof PortInUseError) return { code: 'PORT_IN_USE', message: error.message }
  if (error instanceof ForeignAddressError) return { code: 'FOREIGN_ADDRESS', message: error.message }
  if (error instanceof RuntimeUnavailableError) return { code: 'RUNTIME_UNAVAILABLE', message: 'containerd does not answer on this node.' }
  return { code: 'START_FAILED', message: error instanceof Error ? error.message : String(error) }
}

export function createServerRunner(deps: RunnerDeps, store: Store, listener: RunnerListener, first: ServerRecord): ServerRunner {
  const { runtime, network } = deps
  const { id } = first
  const folders = deps.foldersOf(id)
  let record = first
  let handle: RunHandle | null = null
  let wasKilled = false
  /** Gives up a start that has not made a process yet. */
  let launching: AbortController | null = null
  let launched: Promise<void> | null = null
  /** Generation of the wish that the newest start served. */
  let startedFor = 0
  let timer: NodeJS.Timeout | null = null
  let ready: ReadyWatch | null = null
  let growth: FileWatch | null = null
  let installing: AbortController | null = null
  let installed: Promise<void> | null = null
  let installation: Installation | null = null
  let removing: Promise<void> | null = null
  let isClosed = false
  const isOver = () => isClosed
  const waiting: { restart: string[]; kill: string[] } = { restart: [], kill: [] }

  const serverConsole = createServerConsole(
    createConsoleStream({ serverId: id, folder: folders.logs, journal: store.journal, start: record.acknowledged, now: deps.now }),
    () => {
      listener.consoleChanged(id)
    },
  )

  function save(change: Partial<ServerRecord>): void {
    record = { ...record, ...change }
    store.saveServer(record)
  }

  function report(change: Partial<ServerRecord> = {}): void {
    save({ ...change, sequence: record.sequence + 1 })
    listener.reported(record)
  }

  function finish(results: CommandResult[]): void {
    for (const result of results) {
      store.finishCommand(result)
      listener.finished(result)
    }
  }

  function dispatch(event: RunnerEvent): void {
    // What is being removed has no state any more.
    if (isClosed || removing !== null) return
    const next = transition(record, event)
    if (next.effects.length === 0 && next.state === record.state && next.startsAgain === record.startsAgain) return
    let change: Partial<ServerRecord> = { state: next.state, startsAgain: next.startsAgain }
    for (const effect of next.effects) {
      if (effect.kind === 'settle') change = { ...change, settledGeneration: record.assignment.generation }
      // A restart is ordered for a generation that may be settled already: its start is not to be reported as over.
      if (effect.kind === 'start') change = { ...change, settledGeneration: 0 }
      if (effect.kind === 'problem') change = { ...change, problem: effect.problem }
      if (effect.kind === 'exit' && event.kind === 'exited') {
        const at = record.pendingExit?.at ?? deps.now().toISOString()
        change = { ...change, lastExit: { code: event.exit.code, reason: effect.reason, at }, runningSince: null, pendingExit: null }
      }
    }
    // Stored before it is acted on or told: a kill at any moment finds the decision again.
    report(change)
    for (const effect of next.effects) act(effect)
    if (record.state === 'STOPPED' || record.state === 'CRASHED' || record.state === 'ERROR') endWaiting()
  }

  /** Orders whose server has come to rest are over, whatever became of them. */
  function endWaiting(): void {
    const { problem } = record
    finish([
      ...waiting.kill
        .splice(0)
        .map((command) => (record.state === 'ERROR' && problem !== null ? failed(command, problem.code, problem.message) : done(command))),
      ...waiting.restart.splice(0).map(superseded),
    ])
  }

  function act(effect: RunnerEffect): void {
    if (effect.kind === 'start') launched = launch()
    if (effect.kind === 'stop') void stop()
    if (effect.kind === 'kill') void kill()
  }

  function setTimer(milliseconds: number, event: RunnerEvent): void {
    clearTimer()
    timer = setTimeout(() => {
      dispatch(event)
    }, milliseconds)
  }

  function clearTimer(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
  }

  async function launch(): Promise<void> {
    const abort = new AbortController()
    launching = abort
    wasKilled = false
    startedFor = record.assignment.generation
    const isCancelled = () => abort.signal.aborted
    const isKillWanted = () => wasKilled
    try {
      const { spec } = record.assignment
      const image = await deps.images.ensure(spec.image, () => undefined, abort.signal)
      mkdirSync(folders.files, { recursive: true, mode: 0o700 })
      chownSync(folders.files, record.uid, record.uid)
      const { namespacePath } = await network.attach(id, portsOf(spec))
      abort.signal.throwIfAborted()
      await runtime.prepare(workloadOf(record, image, namespacePath, folders))
      abort.signal.throwIfAborted()
      const runId = deps.newId()
      const { logPath } = serverConsole.stream.beginRun(runId)
      save({ runId })
      serverConsole.notice('Starting')
      const run = await runtime.start(id, { logPath, stdinPath: folders.stdin })
      // The next agent finds the run.
      if (isOver()) return
      launching = null
      finish(waiting.restart.splice(0).map(done))
      follow(run, deps.now())
      report()
      // A stop that came while the process was being made.
      if (isCancelled() && removing === null) void (isKillWanted() ? kill() : stop())
    } catch (error) {
      // Whether there is a process is not known: the next agent sees, and takes nothing from under it now.
      if (isOver()) return
      launching = null
      serverConsole.stream.endRun()
      await network.detach(id).catch(() => undefined)
      if (isOver()) return
      if (isCancelled()) {
        finish(waiting.kill.splice(0).map(done))
        dispatch({ kind: 'startCancelled' })
        return
      }
      const problem = problemOf(error)
      serverConsole.notice(`The start failed: ${problem.message}`)
      finish(waiting.restart.splice(0).map((command) => failed(command, problem.code, problem.message)))
      dispatch({ kind: 'startFailed', problem })
    }
  }

  /** Listens to a live run: its output, its being ready, its end. */
  function follow(run: RunHandle, since: Date): void {
    handle = run
    save({ runningSince: since.toISOString(), pendingExit: null })
    const file = serverConsole.stream.liveFile()
    if (file !== null) {
      growth = watchFile(file, serverConsole.changed)
      // What was written before the watch began is not told by it.
      serverConsole.changed()
      if (record.state === 'STARTING') {
        ready = watchReady(file, record.assignment.spec.ready, (wasSeen) => {
          if (!wasSeen) serverConsole.notice('The ready text was not seen in time; taken as running')
          dispatch({ kind: 'ready' })
        })
      }
    }
    void run.exited.then(ended)
  }

  async function ended(exit: RunExit): Promise<void> {
    if (isClosed) return
    handle = null
    clearTimer()
    ready?.close()
    growth?.close()
    // Collecting makes the runtime forget it: a kill from here on finds the exit in the store.
    save({ pendingExit: { code: exit.code, outOfMemory: exit.outOfMemory, at: exit.at.toISOString() } })
    // Deleting the task waits for the last of its output; only then is the run's file complete.
    const collected = await retry(() => runtime.collect(id))
    if (isOver()) return
    serverConsole.stream.endRun()
    await retry(() => network.detach(id))
    if (isOver()) return
    const code = exit.code ?? collected?.code ?? null
    const outOfMemory = exit.outOfMemory || collected?.outOfMemory === true
    serverConsole.notice(
      outOfMemory ? 'Ended: out of memory' : code === null ? 'Ended; the exit code is not known' : `Ended with code ${String(code)}`,
    )
    finish(waiting.kill.splice(0).map(done))
    dispatch({ kind: 'exited', exit: { code, outOfMemory, wasKilled } })
  }

  /** containerd may be away for a moment: what must be done is tried until it is. */
  async function retry<T>(work: () => Promise<T>): Promise<T | null> {
    for (let wait = 100; !isClosed; wait = Math.min(wait * 2, 5000)) {
      try {
        return await work()
      } catch {
        await new Promise((resolve) => setTimeout(resolve, wait))
      }
    }
    return null
  }

  async function stop(): Promise<void> {
    if (handle === null) {
      launching?.abort(new Error('stopped'))
      return
    }
    const rule = record.assignment.spec.stop
    setTimer(rule.timeoutSeconds * 1000, { kind: 'stopTimedOut' })
    try {
      if (rule.command !== null) {
        serverConsole.input(rule.command, 'Catalyst')
        await handle.writeStdin(Buffer.from(`${rule.command}\n`))
        return
      }
    } catch {
      // A game that does not read gets the signal instead.
    }
    const signal = rule.signal !== null && isSignal(rule.signal) ? rule.signal : 'SIGTERM'
    await runtime.signal(id, signal).catch(() => undefined)
  }

  async function kill(): Promise<void> {
    wasKilled = true
    if (handle === null) {
      launching?.abort(new Error('killed'))
      return
    }
    setTimer(KILL_TIMEOUT_MS, { kind: 'killTimedOut' })
    serverConsole.notice('Killing')
    await retry(() => runtime.signal(id, 'SIGKILL'))
  }

  async function install(command: CommandRecord): Promise<void> {
    if (installing !== null || handle !== null || launching !== null) {
      finish([failed(command.id, 'BUSY', 'The server is running or being installed.')])
      return
    }
    installing = new AbortController()
    const changed = (current: Installation) => {
      installation = current
      listener.installationChanged(current)
    }
    const outcome = await runInstallation(deps, record, command.installationId ?? command.id, changed, installing.signal)
    installing = null
    if (isClosed) return
    const { problem } = outcome
    save(problem === null ? { isInstalled: true, problem: null } : { problem })
    finish([problem === null ? done(command.id) : failed(command.id, problem.code, problem.message)])
    report()
    dispatchWanted()
  }

  function restart(command: CommandRecord): void {
    // The assignment of this very wish came first and has started a server that stood still: that start is the answer.
    const isStarted = startedFor === command.generation && (record.state === 'STARTING' || record.state === 'RUNNING')
    if (isStarted && launching === null) {
      finish([done(command.id)])
      return
    }
    waiting.restart.push(command.id)
    if (!isStarted) dispatch({ kind: 'restart' })
  }

  async function type(command: CommandRecord): Promise<void> {
    if (handle === null) {
      finish([failed(command.id, 'NOT_RUNNING', 'The server is not running.')])
      return
    }
    const text = (command.consoleInput ?? '').replace(/\n$/, '')
    serverConsole.input(text, command.actor)
    try {
      await handle.writeStdin(Buffer.from(`${text}\n`))
      finish([done(command.id)])
    } catch (error) {
      const code = error instanceof StdinFullError ? 'STDIN_FULL' : error instanceof StdinClosedError ? 'STDIN_CLOSED' : 'INPUT_FAILED'
      const message = error instanceof Error ? error.message : String(error)
      serverConsole.notice(`Not delivered: ${message}`)
      finish([failed(command.id, code, message)])
    }
  }

  function remove(): void {
    removing ??= (async () => {
      installing?.abort(new Error('removed'))
      launching?.abort(new Error('removed'))
      ready?.close()
      // What they make must not appear behind the removal.
      await Promise.allSettled([launched, installed])
      await retry(async () => {
        for (const workload of [id, installIdOf(id)]) {
          await runtime.remove(workload)
          await network.detach(workload)
        }
        rmSync(folders.root, { recursive: true, force: true })
      })
      if (isClosed) return
      isClosed = true
      clearTimer()
      ready?.close()
      growth?.close()
      finish([...waiting.kill, ...waiting.restart].map((command) => failed(command, 'REMOVED', 'The server was deleted.')))
      save({ isRemoved: true, state: 'STOPPED' })
      report()
    })()
  }

  return {
    id,
    console: serverConsole,
    record: () => record,
    installation: () => installation,
    report,

    async boot(status) {
      if (record.isRemoved || record.assignment.isRemoved) {
        remove()
        return
      }
      const run = status?.run ?? { state: 'none' as const }
      if (run.state === 'running') {
        const recovered = await runtime.recover(id, folders.stdin)
        if (recovered !== null) {
          // The store may be older than the run: what runs is at least starting.
          if (record.state !== 'STARTING' && record.state !== 'STOPPING') save({ state: 'RUNNING' })
          follow(recovered, new Date(record.runningSince ?? deps.now()))
          if (record.state === 'STOPPING') void stop()
          dispatchWanted()
          return
        }
      }
      const { pendingExit } = record
      if (pendingExit !== null || record.runningSince !== null) {
        const unknown =
          pendingExit === null ? { code: null, outOfMemory: false, at: deps.now() } : { ...pendingExit, at: new Date(pendingExit.at) }
        await ended(run.state === 'exited' ? run.exit : unknown)
      } else {
        // A start that was cut before there was a process: undone, then wanted again.
        await retry(() => runtime.collect(id))
        serverConsole.stream.endRun()
        await retry(() => network.detach(id))
        if (record.state === 'STARTING' || record.state === 'STOPPING' || record.state === 'RUNNING')
          save({ state: 'STOPPED', startsAgain: false })
      }
      dispatchWanted()
    },

    assign(assignment) {
      if (assignment.generation < record.assignment.generation) return
      const isNews = !isSameWish(assignment, record.assignment) || (assignment.isInstalled && !record.isInstalled)
      if (isNews) save({ assignment, isInstalled: record.isInstalled || assignment.isInstalled })
      if (assignment.isRemoved) {
        remove()
        return
      }
      const { sequence } = record
      dispatchWanted()
      // The generation is told with the state that follows from it, never with the one before.
      if (isNews && record.sequence === sequence) report()
    },

    command(command) {
      if (removing !== null) {
        finish([failed(command.id, 'REMOVED', 'The server was deleted.')])
      } else if (command.kind === 'ABORT_INSTALL') {
        installing?.abort(new Error('aborted'))
        finish([done(command.id)])
      } else if (command.generation < record.assignment.generation && command.kind !== 'INSTALL') {
        finish([superseded(command.id)])
      } else if (command.kind === 'INSTALL') {
        installed = install(command)
      } else if (command.kind === 'CONSOLE_INPUT') {
        void type(command)
      } else if (command.kind === 'RESTART') {
        restart(command)
      } else if (handle === null && launching === null) {
        finish([done(command.id)])
      } else {
        waiting.kill.push(command.id)
        dispatch({ kind: 'kill' })
      }
    },

    close() {
      isClosed = true
      clearTimer()
      ready?.close()
      growth?.close()
      installing?.abort(new Error('the agent stops'))
    },
  }

  /** A settled generation is not wanted again: what was given up stays given up. */
  function dispatchWanted(): void {
    const { generation, desiredState } = record.assignment
    if (generation > record.settledGeneration && record.isInstalled && installing === null)
      dispatch({ kind: 'wanted', desired: desiredState })
  }
}
