import { readFile, realpath } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'

/** A server that runs, as `postmaster.pid` of its data folder tells it. */
export type Postmaster = { pid: number; port: number }

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * The server that `data` belongs to, null when none runs. The file outlives a crash, and its process id may belong to another
 * program by then: only a process that was started on this folder counts.
 */
export async function readPostmaster(data: string): Promise<Postmaster | null> {
  const lines = await readFile(path.join(data, 'postmaster.pid'), 'utf8').then(
    (text) => text.split('\n'),
    () => [],
  )
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return null
  const command = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '')
  const folder = await realpath(data)
  if (!command.split('\0').includes(folder)) return null
  return { pid, port: Number(lines[3] ?? 0) }
}

/** Waits until the process is gone. @returns whether it went in time */
export async function waitForExit(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false
    await delay(20)
  }
  return true
}

/** Whether something listens on a port of loopback. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const finish = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => {
      finish(true)
    })
    socket.once('error', () => {
      finish(false)
    })
  })
}

/** A port of loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'))
        else resolve(address.port)
      })
    })
  })
}

/** Starting up, shutting down, or not listening yet: it is worth asking again. */
const NOT_YET = new Set(['57P03', 'ECONNREFUSED', 'ECONNRESET'])

/**
 * The data folder of the server behind `url`, once it answers.
 * @throws the last error, when it does not answer in time or `isRunning` says it is gone
 */
export async function askDataDirectory(url: string, timeoutMs: number, isRunning: () => boolean): Promise<string> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
    try {
      await client.connect()
      const { rows } = await client.query<{ data_directory: string }>('show data_directory')
      return rows[0]?.data_directory ?? ''
    } catch (error) {
      const again = NOT_YET.has((error as { code?: string }).code ?? '') && isRunning()
      if (!again || performance.now() > deadline) throw error
    } finally {
      await client.end().catch(() => undefined)
    }
    await delay(25)
  }
}
