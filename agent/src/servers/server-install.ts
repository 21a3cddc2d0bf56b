import { rm } from 'node:fs/promises'
import { runInstall } from '../installations/install-run.ts'
import {
  beginInstallation,
  installIdOf,
  installStdinOf,
  readInstallation,
  type Installation,
  type InstallOutcome,
  type InstallProgress,
} from '../installations/installation.ts'
import { discardStaging, flushStaging, switchFiles } from '../installations/staging.ts'
import { passStep } from '../lib/steps.ts'
import type { CommandRecord, InstallationRecord, Problem } from '../state/records.ts'
import { done, failed, type RunnerCore } from './runner-core.ts'

const CUT: Problem = {
  code: 'INSTALL_INTERRUPTED',
  message: 'The agent was restarted during the install. What was there before is unchanged; install again.',
}

/** Installs of a server, one at a time. The files are replaced only by one that succeeded. */
export type ServerInstall = {
  isBusy(): boolean
  /** The installation that runs, or the last one until the api has its outcome. */
  current(): Installation | null
  begin(command: CommandRecord): void
  /** False when there is nothing to cancel any more. */
  abort(reason: string): boolean
  /** Ends what an earlier life of the agent left: one that had succeeded is finished, any other undone. */
  recover(): Promise<void>
  /** The api has the outcome. */
  accepted(installationId: string): void
  /** Resolves when no install is under way. */
  settled(): Promise<void>
}

/** @param onEnd called when the server may do other things again */
export function createServerInstall(core: RunnerCore, onEnd: () => void): ServerInstall {
  const { folders } = core
  let abort: AbortController | null = null
  let installed: Promise<void> = Promise.resolve()
  const kept = core.record().installation
  let current = kept === null ? null : readInstallation(core.id, kept, folders)

  const note = (change: Partial<InstallationRecord>): InstallationRecord | null => {
    const { installation } = core.record()
    return installation === null ? null : { ...installation, ...change }
  }

  /** Stores how it ended together with the answer to the order. */
  function conclude({ status, exitCode, problem }: InstallOutcome, commandId: string): void {
    const result = problem === null ? done(commandId) : failed(commandId, problem.code, problem.message)
    const installation = note({ phase: 'OVER', status, exitCode, error: problem?.message ?? null })
    core.report({ installation, problem, ...(problem === null ? { isInstalled: true } : {}) }, { results: [result] })
    passStep('install:stored', core.id)
  }

  async function putInPlace(exitCode: number | null): Promise<void> {
    await flushStaging(folders)
    // From here on it has succeeded: a kill is followed by the rest of this, not by undoing it.
    core.save({ installation: note({ phase: 'SWITCHING', exitCode }) })
    await switchFiles(folders)
    passStep('install:switched', core.id)
  }

  async function run(progress: InstallProgress, commandId: string, control: AbortController): Promise<void> {
    passStep('install:begun', core.id)
    let outcome = await runInstall(core, progress, control.signal)
    if (core.isClosed()) return
    passStep('install:ended', core.id)
    // Too late to be cancelled.
    abort = outcome.problem === null ? null : abort
    try {
      await (outcome.problem === null ? putInPlace(outcome.exitCode) : discardStaging(folders))
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      outcome = { ...outcome, status: 'FAILED', problem: { code: 'INSTALL_FAILED', message } }
      await discardStaging(folders).catch(() => undefined)
    }
    if (core.isClosed()) return
    conclude(outcome, commandId)
    const { status, problem } = outcome
    progress.update({ status, error: problem?.message ?? null, ...(status === 'SUCCEEDED' ? { percent: 100 } : {}) })
  }

  let isBusy = false
  return {
    isBusy: () => isBusy,
    current: () => current,

    begin(command) {
      const control = new AbortController()
      abort = control
      isBusy = true
      const id = command.installationId ?? command.id
      core.save({ installation: { id, commandId: command.id, phase: 'RUNNING', status: 'RUNNING', exitCode: null, error: null } })
      const progress = beginInstallation(core.id, id, folders, core.tellInstallation)
      current = progress.installation
      installed = run(progress, command.id, control).finally(() => {
        abort = null
        isBusy = false
        if (!core.isClosed()) onEnd()
      })
    },

    abort(reason) {
      abort?.abort(new Error(reason))
      return abort !== null
    },

    async recover() {
      const { installation } = core.record()
      if (installation === null || installation.phase === 'OVER') return
      const { id, commandId, phase, exitCode } = installation
      const workload = installIdOf(core.id)
      await core.retry(() => core.deps.runtime.remove(workload))
      await core.retry(() => core.deps.network.detach(workload))
      await rm(installStdinOf(folders), { force: true })
      if (phase === 'SWITCHING') {
        await switchFiles(folders)
        conclude({ status: 'SUCCEEDED', exitCode, problem: null }, commandId)
      } else {
        await discardStaging(folders)
        const over = note({ phase: 'OVER', status: 'FAILED', error: CUT.message })
        core.save(
          { installation: over, problem: CUT },
          {
            events: [{ kind: 'INSTALL_CUT', message: CUT.message }],
            results: [failed(commandId, 'INTERRUPTED', CUT.message)],
          },
        )
      }
      const ended = core.record().installation
      current = ended === null ? null : readInstallation(core.id, { ...ended, id }, folders)
    },

    accepted(installationId) {
      if (core.record().installation?.id !== installationId || isBusy) return
      core.save({ installation: null })
      current = null
    },

    settled: () => installed,
  }
}
