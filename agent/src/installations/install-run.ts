import { writeFileSync } from 'node:fs'
import { rm, truncate } from 'node:fs/promises'
import path from 'node:path'
import { passStep } from '../lib/steps.ts'
import { installLimitsOf, workloadOf } from '../servers/ports.ts'
import type { RunnerCore } from '../servers/runner-core.ts'
import { createFileReader, watchFile } from '../servers/server-console.ts'
import { installIdOf, installStdinOf, type InstallOutcome, type InstallProgress } from './installation.ts'
import { stageFiles, NoRoomError } from './staging.ts'

/** For what comes before the script: building the image and copying the files. */
const LONGEST_PREPARATION_MS = 60 * 60_000

class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError'
}

/** Aborts with the signal, or by itself when the time is over. */
function within(milliseconds: number, signal: AbortSignal): { signal: AbortSignal; done(): void } {
  const limit = new AbortController()
  const timer = setTimeout(() => {
    limit.abort(new TimeLimitError('The time limit of the install was reached.'))
  }, milliseconds)
  return {
    signal: AbortSignal.any([signal, limit.signal]),
    done() {
      clearTimeout(timer)
    },
  }
}

/**
 * Builds the image, copies the files and runs the install script on the copy, in a throw-away container with the game's
 * isolation and limits of its own. Never rejects: what goes wrong is the outcome.
 */
export async function runInstall(core: RunnerCore, progress: InstallProgress, signal: AbortSignal): Promise<InstallOutcome> {
  const { log, update } = progress
  const preparation = within(LONGEST_PREPARATION_MS, signal)
  try {
    const image = await prepare(core, progress, preparation.signal)
    preparation.done()
    if (core.record().assignment.spec.install === null) return { status: 'SUCCEEDED', exitCode: null, problem: null }
    update({ step: 'Running the install script', percent: 80 })
    const exitCode = await runScript(core, progress, image, signal)
    update({ exitCode })
    if (exitCode === 0) return { status: 'SUCCEEDED', exitCode, problem: null }
    const code = exitCode === null ? 'an unknown code' : `code ${String(exitCode)}`
    const message = `The install script ended with ${code}. Its log says why.`
    return { status: 'FAILED', exitCode, problem: { code: 'INSTALL_FAILED', message } }
  } catch (error) {
    const { exitCode } = progress.installation
    const message = error instanceof Error ? error.message : String(error)
    if (signal.aborted) {
      log.append('The install was cancelled.\n')
      return { status: 'ABORTED', exitCode, problem: { code: 'INSTALL_ABORTED', message: 'The install was cancelled.' } }
    }
    log.append(`${message}\n`)
    if (error instanceof TimeLimitError)
      return { status: 'FAILED', exitCode, problem: { code: 'INSTALL_TIMED_OUT', message: 'The install took longer than its limit.' } }
    return { status: 'FAILED', exitCode, problem: { code: error instanceof NoRoomError ? 'NO_DISK_SPACE' : 'INSTALL_FAILED', message } }
  } finally {
    preparation.done()
  }
}

async function prepare(core: RunnerCore, { log, update }: InstallProgress, signal: AbortSignal): Promise<string> {
  update({ step: 'Building the image', percent: 0 })
  const image = await core.deps.images.ensure(
    core.record().assignment.spec.image,
    (percent, text) => {
      log.append(`${text}\n`)
      update({ percent: Math.round(percent * 0.75) })
    },
    signal,
  )
  passStep('install:image', core.id)
  update({ step: 'Copying the files', percent: 75 })
  await stageFiles(core.folders, core.record().uid, signal)
  passStep('install:copied', core.id)
  return image
}

/** Exit code of the script. */
async function runScript(core: RunnerCore, { log }: InstallProgress, image: string, signal: AbortSignal): Promise<number | null> {
  const { folders, deps } = core
  const { runtime, network } = deps
  const id = installIdOf(core.id)
  const { install, ...spec } = core.record().assignment.spec
  if (install === null) return 0
  const script = path.join(folders.install, 'script')
  const output = path.join(folders.install, 'output.log')
  writeFileSync(script, install.script, { mode: 0o644 })
  writeFileSync(output, '', { mode: 0o600 })
  const stdinPath = installStdinOf(folders)
  const clean = async () => {
    await runtime.remove(id)
    await network.detach(id)
    await rm(stdinPath, { force: true })
  }
  await clean()
  const limit = within(install.timeoutSeconds * 1000, signal)
  try {
    const { namespacePath } = await network.attach(id, [])
    const workload = workloadOf(core.record(), image, namespacePath, folders.staging)
    await runtime.prepare({
      ...workload,
      id,
      args: [...install.interpreter, '/.install'],
      mounts: [...workload.mounts, { source: script, target: '/.install', readOnly: true }],
      limits: installLimitsOf({ install, ...spec }),
      labels: { 'catalyst/install': core.id },
    })
    limit.signal.throwIfAborted()
    const run = await runtime.start(id, { logPath: output, stdinPath })
    passStep('install:container', core.id)
    const decoder = new TextDecoder()
    const read = createFileReader(output)
    const drain = () => {
      let hasMore = false
      for (const bytes of read()) {
        hasMore = true
        log.append(decoder.decode(bytes, { stream: true }))
      }
      return hasMore
    }
    const watcher = watchFile(output, () => {
      // Output that nobody will read must not fill the node's disk.
      if (log.isFull()) void truncate(output).catch(() => undefined)
      else drain()
    })
    const stop = () => void core.retry(() => runtime.signal(id, 'SIGKILL'))
    limit.signal.addEventListener('abort', stop, { once: true })
    if (limit.signal.aborted) stop()
    try {
      const exit = await run.exited
      await core.retry(() => runtime.collect(id))
      while (!log.isFull() && drain());
      limit.signal.throwIfAborted()
      return exit.code
    } finally {
      watcher.close()
      limit.signal.removeEventListener('abort', stop)
    }
  } finally {
    limit.done()
    await core.retry(clean)
  }
}
