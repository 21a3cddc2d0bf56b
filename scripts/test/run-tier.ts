import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { NOTHING, readVitestReport, type Counts } from '../check/counts.ts'

export type TierRun = {
  root: string
  /** Project of vitest.config.ts and folder below tests/. */
  name: string
  /** File names and options of vitest. */
  further: readonly string[]
  env?: NodeJS.ProcessEnv
  /** One that hangs must not hold the rest. */
  longestMs: number
  say: (text: string) => void
}

/** Runs one project of vitest.config.ts, in a process group of its own so that nothing of it is left behind. */
export async function runTier({ root, name, further, env, longestMs, say }: TierRun): Promise<Counts> {
  if (!existsSync(path.join(root, 'tests', name))) return NOTHING
  const report = path.join(root, 'tests', 'artefacts', `${name}.json`)
  rmSync(report, { force: true })
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = [
    'run',
    '--project',
    name,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...further,
  ]
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  const kill = (signal: NodeJS.Signals) => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal)
  }
  const interrupt = () => {
    kill('SIGTERM')
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  const timer = setTimeout(() => {
    say(`${name} takes longer than ${String(longestMs / 60_000)} minutes; it is stopped`)
    kill('SIGKILL')
  }, longestMs)
  const isWell = await new Promise<boolean>((resolve) => {
    child.once('error', () => {
      resolve(false)
    })
    child.once('exit', (code) => {
      resolve(code === 0)
    })
  })
  clearTimeout(timer)
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  return readVitestReport(report, isWell)
}
