import { execFile } from 'node:child_process'
import { constants, existsSync, openSync } from 'node:fs'
import net from 'node:net'
import { promisify } from 'node:util'
import { StdinClosedError, StdinFullError } from '../runtime-errors.ts'

const LARGEST_BACKLOG_BYTES = 64 * 1024

/** Node has no mkfifo. */
export async function makeFifo(file: string): Promise<void> {
  if (!existsSync(file)) await promisify(execFile)('mkfifo', ['-m', '600', file])
}

/** Writes to a FIFO whose reading end the shim holds. */
export type StdinPipe = {
  write(bytes: Uint8Array): Promise<void>
  close(): void
}

/**
 * Opens the FIFO to write to it. The shim opens its end some time after it has answered, and a writer alone would be refused
 * until then (ENXIO): with both directions the open always succeeds, and what is written waits for the shim. Without blocking
 * and through the event loop, so that a game that never reads cannot hold a thread.
 */
export function openStdin(file: string): StdinPipe {
  const socket = new net.Socket({ fd: openSync(file, constants.O_RDWR | constants.O_NONBLOCK), readable: false, writable: true })
  let failure: Error | null = null
  socket.on('error', (error) => {
    failure = error
  })
  return {
    write(bytes) {
      if (failure !== null || socket.destroyed)
        return Promise.reject(new StdinClosedError('The game has closed its standard input.', { cause: failure }))
      if (socket.writableLength + bytes.length > LARGEST_BACKLOG_BYTES)
        return Promise.reject(new StdinFullError('The game does not read its standard input.'))
      return new Promise((resolve, reject) => {
        socket.write(bytes, (error) => {
          if (error) reject(new StdinClosedError('The game has closed its standard input.', { cause: error }))
          else resolve()
        })
      })
    },
    close() {
      socket.destroy()
    },
  }
}
