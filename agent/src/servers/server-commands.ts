import { StdinClosedError, StdinFullError } from '../runtime/runtime-errors.ts'
import type { CommandRecord } from '../state/records.ts'
import type { Launcher } from './launch.ts'
import { done, failed, superseded, type RunnerCore } from './runner-core.ts'
import type { ServerInstall } from './server-install.ts'
import type { ServerRun } from './server-run.ts'

export type CommandParts = { run: ServerRun; launcher: Launcher; install: ServerInstall; isRemoving: () => boolean }

/** Takes one-shot orders of a server. Each is answered once, at once or by what the server does next. */
export function createCommandTaker(
  core: RunnerCore,
  { run, launcher, install, isRemoving }: CommandParts,
): (command: CommandRecord) => void {
  async function type(command: CommandRecord): Promise<void> {
    if (!run.isLive()) {
      core.finish([failed(command.id, 'NOT_RUNNING', 'The server is not running.')])
      return
    }
    const text = (command.consoleInput ?? '').replace(/\n$/, '')
    core.console.input(text, command.actor)
    try {
      await run.write(`${text}\n`)
      core.finish([done(command.id)])
    } catch (error) {
      const code = error instanceof StdinFullError ? 'STDIN_FULL' : error instanceof StdinClosedError ? 'STDIN_CLOSED' : 'INPUT_FAILED'
      const message = error instanceof Error ? error.message : String(error)
      if (core.isClosed()) return
      core.console.notice(`Not delivered: ${message}`)
      core.finish([failed(command.id, code, message)])
    }
  }

  function restart(command: CommandRecord): void {
    if (install.isBusy()) {
      core.finish([failed(command.id, 'BUSY', 'The server is being installed.')])
      return
    }
    const { state, startedGeneration } = core.record()
    // The assignment of this very wish came first and has started a server that stood still: that start is the answer.
    const isStarted = startedGeneration === command.generation && (state === 'STARTING' || state === 'RUNNING')
    if (isStarted && !launcher.isLaunching()) {
      core.finish([done(command.id)])
      return
    }
    core.waiting.restart.push(command.id)
    if (!isStarted) core.dispatch({ kind: 'restart' })
  }

  function kill(command: CommandRecord): void {
    if (run.isLive() || launcher.isLaunching()) core.waiting.kill.push(command.id)
    else core.finish([done(command.id)])
    core.dispatch({ kind: 'kill' })
  }

  function beginInstall(command: CommandRecord): void {
    if (install.isBusy() || run.isLive() || launcher.isLaunching())
      core.finish([failed(command.id, 'BUSY', 'The server is running or being installed.')])
    else install.begin(command)
  }

  return (command) => {
    const isOld = command.generation < core.record().assignment.generation
    if (isRemoving()) core.finish([failed(command.id, 'REMOVED', 'The server was deleted.')])
    else if (command.kind === 'ABORT_INSTALL')
      core.finish([install.abort('aborted') ? done(command.id) : failed(command.id, 'NOT_INSTALLING', 'No install is under way.')])
    else if (command.kind === 'INSTALL') beginInstall(command)
    else if (isOld) core.finish([superseded(command.id)])
    else if (command.kind === 'CONSOLE_INPUT') void type(command)
    else if (command.kind === 'RESTART') restart(command)
    else kill(command)
  }
}
