import { chownSync, mkdirSync, writeFileSync, appendFileSync } from 'node:fs'
import path from 'node:path'
import { workloadOf, type RunnerDeps } from '../servers/ports.ts'
import { createFileReader, watchFile } from '../servers/server-console.ts'
import type { Problem, ServerRecord } from '../state/records.ts'

/** The api keeps as much. */
const LARGEST_LOG = 2 ** 20

export type InstallationStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED'

/** One run of the install step, as it is reported. `log` grows only. */
export type Installation = {
  id: string
  serverId: string
  status: InstallationStatus
  step: string | null
  percent: number | null
  exitCode: number | null
  error: string | null
  log: string
}

export type InstallOutcome = { installation: Installation; problem: Problem | null }

export const installIdOf = (serverId: string): string => `${serverId}-install`

/**
 * Builds the image, then runs the install script in a throw-away container with the game's isolation and limits.
 * Never rejects: what goes wrong is the outcome. Calls `onChange` after every change of the installation.
 */
export async function runInstallation(
  deps: RunnerDeps,
  record: ServerRecord,
  id: string,
  onChange: (installation: Installation) => void,
  signal: AbortSignal,
): Promise<InstallOutcome> {
  const folders = deps.foldersOf(record.id)
  mkdirSync(folders.install, { recursive: true, mode: 0o700 })
  const logFile = path.join(folders.install, `${id}.log`)
  const installation: Installation = {
    id,
    serverId: record.id,
    status: 'RUNNING',
    step: null,
    percent: null,
    exitCode: null,
    error: null,
    log: '',
  }
  const update = (change: Partial<Installation>) => {
    Object.assign(installation, change)
    onChange(installation)
  }
  const append = (output: string) => {
    const room = LARGEST_LOG - installation.log.length
    if (room <= 0) return
    // Databases take no NUL in text.
    const whole = output.replaceAll('\0', '\uFFFD')
    const text = whole.length <= room ? whole : `${whole.slice(0, room)}\n[the rest of the log is left out]\n`
    appendFileSync(logFile, text, { mode: 0o600 })
    update({ log: installation.log + text })
  }
  const isFull = () => installation.log.length >= LARGEST_LOG
  const finish = (status: InstallationStatus, problem: Problem | null): InstallOutcome => {
    update({ status, error: problem?.message ?? null, percent: status === 'SUCCEEDED' ? 100 : installation.percent })
    return { installation, problem }
  }
  try {
    update({ step: 'Building the image', percent: 0 })
    const image = await deps.images.ensure(
      record.assignment.spec.image,
      (percent, text) => {
        append(`${text}\n`)
        update({ percent: Math.round(percent * 0.8) })
      },
      signal,
    )
    mkdirSync(folders.files, { recursive: true, mode: 0o700 })
    chownSync(folders.files, record.uid, record.uid)
    if (record.assignment.spec.install !== null) {
      update({ step: 'Running the install script', percent: 80 })
      const code = await runScript(deps, record, image, { append, isFull }, signal)
      update({ exitCode: code })
      if (code !== 0)
        return finish('FAILED', {
          code: 'INSTALL_FAILED',
          message: `The install script ended with ${code === null ? 'an unknown code' : `code ${String(code)}`}. Its log says why.`,
        })
    }
    return finish('SUCCEEDED', null)
  } catch (error) {
    const isTimeout = error instanceof Error && error.name === 'TimeoutError'
    if (signal.aborted || isTimeout) {
      append(isTimeout ? 'The time limit of the install was reached.\n' : 'The install was cancelled.\n')
      return isTimeout
        ? finish('FAILED', { code: 'INSTALL_TIMED_OUT', message: 'The install took longer than its limit.' })
        : finish('ABORTED', { code: 'INSTALL_ABORTED', message: 'The install was cancelled.' })
    }
    const message = error instanceof Error ? error.message : String(error)
    append(`${message}\n`)
    return finish('FAILED', { code: 'INSTALL_FAILED', message })
  }
}

/** Exit code of the script. */
async function runScript(
  deps: RunnerDeps,
  record: ServerRecord,
  image: string,
  log: { append: (text: string) => void; isFull: () => boolean },
  signal: AbortSignal,
): Promise<number | null> {
  const { spec } = record.assignment
  const folders = deps.foldersOf(record.id)
  const id = installIdOf(record.id)
  const install = spec.install
  if (install === null) return 0
  const script = path.join(folders.install, 'script')
  const output = path.join(folders.install, 'output.log')
  writeFileSync(script, install.script, { mode: 0o644 })
  writeFileSync(output, '', { mode: 0o600 })
  const limit = AbortSignal.any([signal, AbortSignal.timeout(install.timeoutSeconds * 1000)])
  const clean = async () => {
    await deps.runtime.remove(id)
    await deps.network.detach(id)
  }
  await clean()
  try {
    const { namespacePath } = await deps.network.attach(id, [])
    const workload = workloadOf(record, image, namespacePath, folders)
    await deps.runtime.prepare({
      ...workload,
      id,
      args: [...install.interpreter, '/.install'],
      mounts: [...workload.mounts, { source: script, target: '/.install', readOnly: true }],
      labels: { 'catalyst/install': record.id },
    })
    const run = await deps.runtime.start(id, { logPath: output, stdinPath: `${folders.stdin}-install` })
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
      if (!log.isFull()) drain()
    })
    const stop = () => void deps.runtime.signal(id, 'SIGKILL').catch(() => undefined)
    limit.addEventListener('abort', stop, { once: true })
    try {
      const exit = await run.exited
      await deps.runtime.collect(id)
      while (!log.isFull() && drain());
      limit.throwIfAborted()
      return exit.code
    } finally {
      watcher.close()
      limit.removeEventListener('abort', stop)
    }
  } finally {
    await clean()
  }
}
