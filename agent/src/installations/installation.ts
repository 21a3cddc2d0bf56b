import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { ServerFolders } from '../servers/ports.ts'
import type { InstallationRecord, InstallationStatus, Problem } from '../state/records.ts'
import { createInstallLog, type InstallLog } from './install-log.ts'

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

/** How an install ended, before its files are put in place. */
export type InstallOutcome = { status: Exclude<InstallationStatus, 'RUNNING'>; exitCode: number | null; problem: Problem | null }

export const installIdOf = (serverId: string): string => `${serverId}-install`

/** Where the script's input is, for as long as it runs. */
export const installStdinOf = (folders: ServerFolders): string => `${folders.stdin}-install`

const logFileOf = (folders: ServerFolders, id: string) => path.join(folders.install, `${id}.log`)

/** An installation with what tells its progress. */
export type InstallProgress = {
  readonly installation: Installation
  readonly log: InstallLog
  update(change: Partial<Installation>): void
}

/** @param onChange called after every change of the installation */
export function beginInstallation(
  serverId: string,
  id: string,
  folders: ServerFolders,
  onChange: (installation: Installation) => void,
): InstallProgress {
  mkdirSync(folders.install, { recursive: true, mode: 0o700 })
  const installation: Installation = {
    id,
    serverId,
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
  const log = createInstallLog(logFileOf(folders, id), (text) => {
    update({ log: installation.log + text })
  })
  return { installation, log, update }
}

/** The installation that an earlier life of the agent kept, with its log as far as that was written. */
export function readInstallation(
  serverId: string,
  { id, status, exitCode, error }: InstallationRecord,
  folders: ServerFolders,
): Installation {
  let log = ''
  try {
    log = readFileSync(logFileOf(folders, id), 'utf8')
  } catch {
    // Cut before its first line.
  }
  return { id, serverId, status, step: null, percent: status === 'SUCCEEDED' ? 100 : null, exitCode, error, log }
}
