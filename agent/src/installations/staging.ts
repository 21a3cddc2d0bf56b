import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdir, rename, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { ServerFolders } from '../servers/ports.ts'

const execute = promisify(execFile)
/** Of what a tool complains: the rest says the same. */
const LONGEST_COMPLAINT = 2000
const SECONDS_TO_FLUSH = 300

type Places = Pick<ServerFolders, 'files' | 'staging' | 'replaced'>

/** There is no room for a second copy of the server's files. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError'
}

/** Copies a tree as it is: owners, times, links and holes. Where the file system can, both share the blocks until one is changed. */
async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  const child = spawn('cp', ['--archive', '--reflink=auto', '--one-file-system', '--no-target-directory', from, to], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, LONGEST_COMPLAINT)
    // Every further file would fail the same way.
    if (/No space left|quota exceeded/i.test(complaint)) child.kill('SIGKILL')
  })
  const giveUp = () => child.kill('SIGKILL')
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve)
    })
    signal.throwIfAborted()
    if (code === 0) return
    if (/No space left/i.test(complaint))
      throw new NoRoomError('The disk of the node has no room for a second copy of the files, which an install works on.')
    if (/quota exceeded/i.test(complaint))
      throw new NoRoomError("The server's disk limit has no room for a second copy of the files, which an install works on.")
    throw new Error(`The files could not be copied: ${complaint.split('\n')[0] ?? ''}`)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/**
 * Makes the folder that an install works in: a copy of the server's files, or an empty one. The files themselves are not
 * touched before `switchFiles`.
 * @throws NoRoomError
 */
export async function stageFiles({ files, staging, replaced }: Places, uid: number, signal: AbortSignal): Promise<void> {
  await discardStaging({ files, staging, replaced })
  if (existsSync(files)) {
    await copyTree(files, staging, signal)
    return
  }
  await mkdir(staging, { mode: 0o700 })
  await chown(staging, uid, uid)
}

/** Brings what an install made to the disk: a record that says so must not outlive it. */
export async function flushStaging({ staging }: Places): Promise<void> {
  await execute('sync', ['--file-system', staging], { timeout: SECONDS_TO_FLUSH * 1000 })
}

/** Puts the staged files in the place of the old ones. Can be repeated after a kill at any step; nothing is lost by one. */
export async function switchFiles({ files, staging, replaced }: Places): Promise<void> {
  if (existsSync(staging)) {
    if (existsSync(files)) {
      await rm(replaced, { recursive: true, force: true })
      await rename(files, replaced)
    }
    try {
      await rename(staging, files)
    } catch (error) {
      await restore({ files, replaced })
      throw error
    }
  }
  await rm(replaced, { recursive: true, force: true })
}

async function restore({ files, replaced }: Pick<Places, 'files' | 'replaced'>): Promise<void> {
  if (!existsSync(files) && existsSync(replaced)) await rename(replaced, files)
}

/** Takes back an install that did not succeed. Can be repeated. */
export async function discardStaging({ files, staging, replaced }: Places): Promise<void> {
  await rm(staging, { recursive: true, force: true })
  await restore({ files, replaced })
  await rm(replaced, { recursive: true, force: true })
}
