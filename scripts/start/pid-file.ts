import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * The process that a pid file names, when it still is that process: its command line must contain `mark`, so that an id
 * used again after a reboot is not taken for it.
 */
export function readPid(file: string, mark: string): number | null {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim())
    return pid > 0 && readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').includes(mark) ? pid : null
  } catch {
    return null
  }
}

export function writePid(file: string, pid: number): void {
  writeFileSync(file, `${String(pid)}\n`)
}

export function removePid(file: string): void {
  rmSync(file, { force: true })
}

/** False when the process is gone; a zombie that nobody has reaped yet is gone too. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** SIGTERM, and SIGKILL after `graceMs`. Resolves when the process is gone; it need not be our child. */
export async function stopPid(pid: number, graceMs = 15_000): Promise<void> {
  const send = (signal: NodeJS.Signals) => {
    try {
      process.kill(pid, signal)
    } catch {
      // It went by itself between the look and the signal.
    }
  }
  send('SIGTERM')
  const deadline = performance.now() + graceMs
  while (isAlive(pid) && performance.now() < deadline) await delay(20)
  if (!isAlive(pid)) return
  send('SIGKILL')
  while (isAlive(pid)) await delay(20)
}
