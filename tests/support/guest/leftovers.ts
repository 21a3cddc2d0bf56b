import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

/** Begins the name of every guest and its network; the process of the test follows. */
export const NAME_PREFIX = 'catguest-'

/** A test that was killed leaves its guest running: found by a name whose process has gone. */
export async function clearLeftovers(): Promise<void> {
  const isOrphan = (text: string) => {
    const owner = new RegExp(`${NAME_PREFIX}(\\d+)`).exec(text)?.[1]
    return owner !== undefined && !existsSync(`/proc/${owner}`)
  }
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (isOrphan(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It went by itself between the look and the signal.
    }
  }
  const execute = promisify(execFile)
  const { stdout } = await execute('ip', ['netns', 'list'])
  const names = stdout.split('\n').map((line) => line.split(' ')[0] ?? '')
  for (const name of names.filter(isOrphan)) await execute('ip', ['netns', 'delete', name])
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(NAME_PREFIX) && isOrphan(each)))
    rmSync(path.join(tmpdir(), name), { recursive: true, force: true })
}
