import { execFile } from 'node:child_process'
import { closeSync, fstatSync, mkdirSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** What the runs of one server have written: a file each, by the number of the run. */
export type RunFiles = {
  pathOf(run: number): string
  make(run: number): void
  remove(run: number): void
  /** 0 when it is gone. */
  sizeOf(run: number): number
  /** When it was changed last, by the machine's clock; null when it is gone. */
  changedAt(run: number): Date | null
  /** Bytes from an offset on, fewer than `length` where the file ends; null when it is gone. */
  read(run: number, offset: number, length: number): Buffer | null
  /** Bytes of disk that it takes. */
  diskBytesOf(run: number): number
  /** Gives back the disk below; offsets stay what they are. Not every file system can: then nothing is lost. */
  punch(run: number, offset: number, size: number): Promise<void>
}

/** @param folder made when it is missing */
export function createRunFiles(folder: string): RunFiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const pathOf = (run: number) => path.join(folder, `run-${String(run)}.log`)
  return {
    pathOf,

    make(run) {
      // Made here, because the shim would make it readable by everybody.
      writeFileSync(pathOf(run), '', { mode: 0o600 })
    },

    remove(run) {
      rmSync(pathOf(run), { force: true })
    },

    sizeOf(run) {
      try {
        return statSync(pathOf(run)).size
      } catch {
        return 0
      }
    },

    changedAt(run) {
      try {
        return statSync(pathOf(run)).mtime
      } catch {
        return null
      }
    },

    read(run, offset, length) {
      let descriptor: number
      try {
        descriptor = openSync(pathOf(run), 'r')
      } catch {
        return null
      }
      try {
        const buffer = Buffer.alloc(Math.min(length, Math.max(0, fstatSync(descriptor).size - offset)))
        return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, offset))
      } finally {
        closeSync(descriptor)
      }
    },

    diskBytesOf(run) {
      try {
        return statSync(pathOf(run)).blocks * 512
      } catch {
        return 0
      }
    },

    async punch(run, offset, size) {
      const range = ['--punch-hole', '--offset', String(offset), '--length', String(size)]
      await execute('fallocate', [...range, pathOf(run)]).catch(() => undefined)
    },
  }
}
