import type { Installation } from '../installations/installation.ts'
import type { WorkloadStatus } from '../runtime/runtime.ts'
import type { Assignment, CommandRecord, ServerRecord } from '../state/records.ts'
import type { Store } from '../state/store.ts'
import { decideBoot } from './boot-policy.ts'
import { consequencesOf } from './effects.ts'
import { createLauncher } from './launch.ts'
import type { RunnerDeps } from './ports.ts'
import { createRestartTimer } from './restart-timer.ts'
import { takeUpExit, type RunEnd } from './run-exit.ts'
import { createRunnerCore, done, failed, superseded, type RunnerListener } from './runner-core.ts'
import { createCommandTaker } from './server-commands.ts'
import type { ServerConsole } from './server-console.ts'
import { createServerInstall } from './server-install.ts'
import { removeServer } from './server-removal.ts'
import { createServerRun } from './server-run.ts'
import { transition, type RunnerEffect, type RunnerEvent } from './server-state.ts'

/** Looks after one server: brings it to what is wanted and tells what it sees. Servers never wait for each other. */
export type ServerRunner = {
  readonly id: string
  readonly console: ServerConsole
  record(): ServerRecord
  /** The installation that runs, or the last one until the api has its outcome. */
  installation(): Installation | null
  installationAccepted(installationId: string): void
  /**
   * Takes up what the runtime shows after a start of the agent.
   * @param isReboot the machine was started anew
   */
  boot(status: WorkloadStatus | undefined, isReboot: boolean): Promise<void>
  assign(assignment: Assignment): void
  command(command: CommandRecord): void
  /** Reports the newest state again. */
  report(): void
  /** The agent stops; the game goes on. */
  close(): void
}

/** Where the console begins says nothing about the wish. */
const isSameWish = (a: Assignment, b: Assignment) =>
  JSON.stringify({ ...a, consolePosition: 0 }) === JSON.stringify({ ...b, consolePosition: 0 })

export function createServerRunner(deps: RunnerDeps, store: Store, listener: RunnerListener, first: ServerRecord): ServerRunner {
  const core = createRunnerCore(deps, store, listener, first, dispatch)
  const run = createServerRun(core, ({ code, outOfMemory }) => {
    // What ends while it is removed is no exit to tell of.
    if (!removing) void takeUpExit(core, run, { code, outOfMemory, at: deps.now(), isLost: false })
  })
  const launcher = createLauncher(core, run)
  const install = createServerInstall(core, dispatchWanted)
  const restartTimer = createRestartTimer(core, restartIfDue)
  const takeCommand = createCommandTaker(core, { run, launcher, install, isRemoving: () => removing })
  let removing = false
  let isBooting = false

  function dispatch(event: RunnerEvent): void {
    // What is being removed has no state any more.
    if (core.isClosed() || removing) return
    const { state, startsAgain, restart } = core.record()
    const current = { state, startsAgain, isWaiting: restart !== null }
    const next = transition(current, event)
    if (next.effects.length === 0 && next.state === state && next.startsAgain === startsAgain) return
    const { change, events } = consequencesOf(core.record(), event, next)
    // Stored before it is acted on or told: a kill at any moment finds the decision again.
    core.report(change, { events })
    if (next.state !== 'STARTING') launcher.leaveTurn()
    for (const effect of next.effects) act(effect)
    if (next.state === 'STOPPED' || next.state === 'CRASHED' || next.state === 'ERROR') endWaiting()
  }

  function act(effect: RunnerEffect): void {
    if (effect.kind === 'start') launcher.launch(isBooting)
    if (effect.kind === 'stop') {
      launcher.abort('stopped')
      void run.stop()
    }
    if (effect.kind === 'kill') kill()
    if (effect.kind === 'plan' || effect.kind === 'cancelPlan') restartTimer.set()
    if (effect.kind === 'cancelPlan' && core.record().state === 'STOPPED') core.console.notice('The restart was cancelled')
  }

  function kill(): void {
    if (run.isLive()) {
      void run.kill()
      return
    }
    core.save({ wasKilled: true })
    launcher.abort('killed')
  }

  /** Orders whose server has come to rest are over, whatever became of them. */
  function endWaiting(): void {
    const { problem, state } = core.record()
    const { kill: kills, restart: restarts } = core.waiting
    core.finish([
      ...kills
        .splice(0)
        .map((command) => (state === 'ERROR' && problem !== null ? failed(command, problem.code, problem.message) : done(command))),
      ...restarts.splice(0).map(superseded),
    ])
  }

  /** A settled generation is not wanted again: what was given up stays given up. */
  function dispatchWanted(): void {
    const { assignment, settledGeneration, startedGeneration, isInstalled } = core.record()
    const { generation, desiredState, isKill } = assignment
    if (install.isBusy()) return
    if (generation > settledGeneration && isInstalled)
      dispatch(isKill ? { kind: 'kill' } : { kind: 'wanted', desired: desiredState, isNews: generation > startedGeneration })
    restartTimer.set()
  }

  function restartIfDue(): void {
    // An install first: its end asks again.
    if (restartTimer.isDue() && !install.isBusy()) dispatch({ kind: 'restartDue' })
  }

  function goOn(): void {
    dispatchWanted()
    restartIfDue()
  }

  function remove(): void {
    if (removing) return
    removing = true
    const abort = (reason: string) => {
      restartTimer.close()
      launcher.abort(reason)
      install.abort(reason)
    }
    void removeServer(core, { abort, settled: () => Promise.allSettled([launcher.settled(), install.settled()]), leave: run.leave })
  }

  /** True when a live run is looked after again. */
  async function takeUpRun(): Promise<boolean> {
    const recovered = await core.retry(() => deps.runtime.recover(core.id, core.folders.stdin))
    if (recovered === null) return false
    const { state, wasKilled, runningSince, assignment } = core.record()
    // The store may be older than the run: what runs is at least starting.
    if (state !== 'STARTING' && state !== 'STOPPING' && !wasKilled)
      core.save({ state: 'RUNNING', startedGeneration: assignment.generation })
    run.follow(recovered, runningSince === null ? deps.now() : new Date(runningSince))
    if (state === 'STOPPING') void (wasKilled ? run.kill() : run.stop())
    void run.applyLimits()
    return true
  }

  /** A start or stop that was cut when there was no process: undone. */
  async function undoCut(): Promise<void> {
    await core.retry(() => deps.runtime.abandon(core.id))
    core.console.stream.endRun()
    await core.retry(() => deps.network.detach(core.id))
    const { state, startsAgain } = core.record()
    if (state !== 'STARTING' && state !== 'STOPPING' && state !== 'RUNNING') return
    core.save({ state: 'STOPPED', startsAgain: false })
    const { settledGeneration, assignment } = core.record()
    // The node's own start, whatever was wished, is begun again here; others follow from the wish.
    const isOwn = settledGeneration === assignment.generation
    if (isOwn && (state === 'STARTING' || startsAgain)) dispatch({ kind: 'rebooted', then: 'START' })
  }

  /** The end of a run that nobody saw: stored by the agent before, kept by the runtime, or lost. */
  function unseenEnd(status: WorkloadStatus | undefined, isReboot: boolean): RunEnd | null {
    const { pendingExit, runningSince } = core.record()
    if (pendingExit !== null) return { ...pendingExit, at: new Date(pendingExit.at), isLost: false }
    const now = deps.now()
    if (status?.run.state === 'exited') {
      const { code, outOfMemory, at } = status.run.exit
      // Its clock may have been set since: an exit lies between start and now.
      const earliest = runningSince === null ? 0 : Date.parse(runningSince)
      const time = Math.min(now.getTime(), Math.max(earliest, deps.correctTime(at).getTime()))
      return { code, outOfMemory, at: new Date(time), isLost: false }
    }
    return runningSince === null ? null : { code: null, outOfMemory: false, at: now, isLost: isReboot }
  }

  function afterReboot(): void {
    const { assignment, settledGeneration, isInstalled, restart } = core.record()
    const decision = decideBoot(assignment.spec.bootPolicy, isInstalled)
    const isWanted = assignment.desiredState === 'RUNNING' && assignment.generation > settledGeneration
    if (decision === 'GO_ON' || (decision === 'START' && isWanted)) goOn()
    else if (decision === 'START') dispatch({ kind: 'rebooted', then: 'START' })
    else if (isWanted || restart !== null) {
      core.console.notice('Not started after the restart of the machine, as its boot policy says')
      dispatch({ kind: 'rebooted', then: 'STAY' })
    }
  }

  async function takeUp(status: WorkloadStatus | undefined, isReboot: boolean): Promise<void> {
    await install.recover()
    if (status?.run.state === 'running' && (await takeUpRun())) {
      goOn()
      return
    }
    const end = unseenEnd(status, isReboot)
    await (end === null ? undoCut() : takeUpExit(core, run, end))
    if (isReboot) afterReboot()
    else goOn()
  }

  return {
    id: core.id,
    console: core.console,
    record: core.record,
    installation: install.current,
    installationAccepted: install.accepted,
    report: core.report,

    async boot(status, isReboot) {
      const { isRemoved, assignment } = core.record()
      if (isRemoved || assignment.isRemoved) {
        remove()
        return
      }
      isBooting = true
      try {
        await takeUp(status, isReboot)
      } finally {
        isBooting = false
      }
    },

    assign(assignment) {
      const { assignment: known, isInstalled } = core.record()
      if (assignment.generation < known.generation) return
      const isNews = !isSameWish(assignment, known) || (assignment.isInstalled && !isInstalled)
      if (isNews) core.save({ assignment, isInstalled: isInstalled || assignment.isInstalled })
      if (assignment.isRemoved) {
        remove()
        return
      }
      const { sequence } = core.record()
      dispatchWanted()
      void run.applyLimits()
      // The generation is told with the state that follows from it, never with the one before.
      if (isNews && core.record().sequence === sequence) core.report()
    },

    command: takeCommand,

    close() {
      core.close()
      run.leave()
      restartTimer.close()
      launcher.abort('the agent stops')
      launcher.leaveTurn()
      install.abort('the agent stops')
    },
  }
}
