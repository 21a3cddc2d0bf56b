import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { StepError } from '../start/progress.ts'

/** @throws StepError when this machine or user cannot have services */
export function assertServicesPossible(): void {
  if (!existsSync('/run/systemd/system')) {
    throw new StepError(
      'This machine does not run systemd.',
      'Run the agent by hand, or by the init system that is there: npm run agent -- enroll --url … --token …, then npm run agent',
    )
  }
  if (process.getuid?.() !== 0) throw new StepError('The service of the agent needs root.', 'Run the same command as root.')
}

function systemctl(...args: string[]): { isWell: boolean; output: string } {
  const result = spawnSync('systemctl', args, { encoding: 'utf8' })
  return { isWell: result.status === 0, output: `${result.stdout}${result.stderr}`.trim() }
}

/** @throws StepError with what systemd said */
export function control(...args: string[]): void {
  const { isWell, output } = systemctl(...args)
  if (!isWell) throw new StepError(`systemctl ${args.join(' ')} failed: ${output}`, `See: systemctl status ${args.at(-1) ?? ''}`)
}

/** True when the unit runs. */
export const isActive = (unit: string): boolean => systemctl('is-active', '--quiet', unit).isWell

/** How often systemd has started the unit again since it was started. */
export const restartsOf = (unit: string): number => Number(systemctl('show', '--value', '-p', 'NRestarts', unit).output)

/** The last lines that the unit wrote. */
export const lastWords = (unit: string): string =>
  spawnSync('journalctl', ['--no-pager', '-o', 'cat', '-n', '8', '-u', unit], { encoding: 'utf8' }).stdout.trim()
