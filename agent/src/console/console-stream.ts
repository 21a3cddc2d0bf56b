import { execFile } from 'node:child_process'
import { closeSync, fstatSync, mkdirSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { ConsoleJournal, JournalInsert, JournalRun } from './console-journal.ts'
import { decodeStrictly, wholeCharacters } from './utf8.ts'

const execute = promisify(execFile)

/** Freed disk is worth a system call. */
const PUNCH_BYTES = 2 ** 20
/** Of one read: very small parts must not make a very large message. */
const MOST_PARTS = 1000

/** Consecutive bytes of a console, as they are sent. */
export type ConsolePart = {
  kind: 'OUTPUT' | 'INPUT' | 'NOTICE' | 'GAP'
  runId: string
  /** ISO 8601. */
  at: string
  bytes: number
  text: string | null
  /** For bytes that are no UTF-8. */
  base64: string | null
  actor: string | null
}

/** The console of one server over all its runs. Positions count bytes and are never used twice. */
export type ConsoleStream = {
  /** One past the last byte that is there now. */
  end(): number
  /**
   * Parts from a position on, of at most `limit` bytes; empty when nothing is there yet. Bytes that are no longer on this
   * node come as one GAP. A character that the game has not finished writing is held back unless `isImpatient`.
   */
  read(from: number, limit: number, isImpatient: boolean): ConsolePart[]
  /** Begins the next run; its file is made. */
  beginRun(runId: string): { logPath: string }
  /** The file of the current run is complete. */
  endRun(): void
  /** Inserts text behind what has been read so far. The journal has it when this returns. */
  insert(kind: 'INPUT' | 'NOTICE', text: string, actor: string | null): void
  /** File of the run that goes on; null when none does. */
  liveFile(): string | null
  /** The api has everything below: its disk is freed. */
  release(position: number): Promise<void>
}

type Piece =
  /** `isOpen`: the game may write more behind it. */
  | { kind: 'file'; run: JournalRun; from: number; fileOffset: number; size: number; isOpen: boolean }
  | { kind: 'insert'; run: JournalRun; from: number; insert: JournalInsert; size: number }

export type ConsoleStreamOptions = {
  serverId: string
  /** The server's `logs` folder, outside its quota. */
  folder: string
  journal: ConsoleJournal
  /** Where the console begins when the journal knows nothing: the api's end. */
  start: number
  now: () => Date
}

export function createConsoleStream({ serverId, folder, journal, start, now }: ConsoleStreamOptions): ConsoleStream {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  let runs = journal.runs(serverId)
  const inserts = new Map(runs.map((run) => [run.number, journal.inserts(serverId, run.number)]))
  if (runs.length === 0) addRun({ number: 0, runId: 'none', base: start, size: 0 })
  /** How much of the current file has been given out: an insert may not come before it. An earlier agent may have given out all. */
  let readOffset = current().size === null ? sizeOf(current()) : 0
  let punched = 0

  const fileOf = (number: number) => path.join(folder, `run-${String(number)}.log`)

  function addRun(run: JournalRun): void {
    journal.addRun(serverId, run)
    runs = [...runs, run]
    inserts.set(run.number, [])
  }

  function current(): JournalRun {
    const last = runs.at(-1)
    if (last === undefined) throw new Error('a console has at least one run')
    return last
  }

  function sizeOf(run: JournalRun): number {
    if (run.size !== null) return run.size
    try {
      return statSync(fileOf(run.number)).size
    } catch {
      return 0
    }
  }

  const lengthOf = (insert: JournalInsert) => Buffer.byteLength(insert.text)

  /** Pieces of a run in order, with their positions. */
  function piecesOf(run: JournalRun): Piece[] {
    const pieces: Piece[] = []
    const size = sizeOf(run)
    let position = run.base
    let offset = 0
    const takeFile = (until: number, isOpen: boolean) => {
      if (until <= offset) return
      pieces.push({ kind: 'file', run, from: position, fileOffset: offset, size: until - offset, isOpen })
      position += until - offset
      offset = until
    }
    for (const insert of inserts.get(run.number) ?? []) {
      takeFile(Math.min(insert.fileOffset, size), false)
      pieces.push({ kind: 'insert', run, from: position, insert, size: lengthOf(insert) })
      position += lengthOf(insert)
    }
    takeFile(size, run.size === null)
    return pieces
  }

  function endOf(run: JournalRun): number {
    return (inserts.get(run.number) ?? []).reduce((total, insert) => total + lengthOf(insert), run.base + sizeOf(run))
  }

  function readFile(run: JournalRun, offset: number, length: number): Buffer | null {
    let descriptor: number
    try {
      descriptor = openSync(fileOf(run.number), 'r')
    } catch {
      return null
    }
    try {
      const buffer = Buffer.alloc(Math.min(length, Math.max(0, fstatSync(descriptor).size - offset)))
      return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, offset))
    } finally {
      closeSync(descriptor)
    }
  }

  const gap = (runId: string, bytes: number): ConsolePart => ({
    kind: 'GAP',
    runId,
    at: now().toISOString(),
    bytes,
    text: null,
    base64: null,
    actor: null,
  })

  function filePart(piece: Piece & { kind: 'file' }, skip: number, limit: number, isImpatient: boolean): ConsolePart | null {
    const offset = piece.fileOffset + skip
    const wanted = Math.min(piece.size - skip, limit)
    const bytes = readFile(piece.run, offset, wanted)
    if (bytes === null || bytes.length < wanted) return gap(piece.run.runId, wanted)
    const isCut = wanted < piece.size - skip
    const length = isCut || (piece.isOpen && !isImpatient) ? wholeCharacters(bytes) : bytes.length
    if (length === 0) return null
    const part = bytes.subarray(0, length)
    const text = decodeStrictly(part)
    if (piece.run === current()) readOffset = Math.max(readOffset, offset + length)
    return {
      kind: 'OUTPUT',
      runId: piece.run.runId,
      at: now().toISOString(),
      bytes: length,
      text,
      base64: text === null ? part.toString('base64') : null,
      actor: null,
    }
  }

  return {
    end: () => endOf(current()),

    read(from, limit, isImpatient) {
      const parts: ConsolePart[] = []
      let position = from
      const first = runs[0]?.base ?? 0
      if (position < first) {
        parts.push(gap('none', first - position))
        position = first
      }
      for (const run of runs) {
        if (endOf(run) <= position) continue
        for (const piece of piecesOf(run)) {
          if (piece.from + piece.size <= position) continue
          const left = limit - (position - from)
          if (left <= 0 || parts.length >= MOST_PARTS) return parts
          if (piece.kind === 'insert') {
            const bytes = Buffer.from(piece.insert.text).subarray(position - piece.from)
            parts.push({
              kind: piece.insert.kind,
              runId: run.runId,
              at: piece.insert.at,
              bytes: bytes.length,
              text: bytes.toString(),
              base64: null,
              actor: piece.insert.actor,
            })
            position += bytes.length
            continue
          }
          const part = filePart(piece, position - piece.from, left, isImpatient)
          if (part === null) return parts
          parts.push(part)
          position += part.bytes
          // The rest of a cut piece comes with the next read.
          if (position < piece.from + piece.size) return parts
        }
      }
      return parts
    },

    beginRun(runId) {
      const last = current()
      if (last.size === null) throw new Error('the run before has not ended')
      const run = { number: last.number + 1, runId, base: endOf(last), size: null }
      const logPath = fileOf(run.number)
      // Made here, because the shim would make it readable by everybody.
      writeFileSync(logPath, '', { mode: 0o600 })
      addRun(run)
      readOffset = 0
      punched = 0
      return { logPath }
    },

    endRun() {
      const run = current()
      if (run.size !== null) return
      const size = sizeOf(run)
      journal.closeRun(serverId, run.number, size)
      runs = [...runs.slice(0, -1), { ...run, size }]
    },

    insert(kind, text, actor) {
      const run = current()
      const size = sizeOf(run)
      const tailFrom = Math.max(readOffset, size - 4)
      const tail = run.size === null ? readFile(run, tailFrom, size - tailFrom) : null
      const fileOffset = tail === null ? size : tailFrom + wholeCharacters(tail)
      const insert = { fileOffset, kind, actor, at: now().toISOString(), text }
      journal.addInsert(serverId, run.number, insert)
      inserts.get(run.number)?.push(insert)
    },

    liveFile() {
      const run = current()
      return run.size === null ? fileOf(run.number) : null
    },

    async release(position) {
      const kept = runs.findIndex((run) => endOf(run) > position || run === current())
      const done = runs.slice(0, kept)
      if (done.length > 0) {
        for (const run of done) rmSync(fileOf(run.number), { force: true })
        runs = runs.slice(kept)
        for (const run of done) inserts.delete(run.number)
        journal.forgetRuns(serverId, current() === runs[0] ? current().number : (runs[0]?.number ?? 0))
      }
      const run = current()
      const released = piecesOf(run).findLast((piece) => piece.kind === 'file' && piece.from < position)
      if (released?.kind !== 'file') return
      const offset = released.fileOffset + Math.min(released.size, position - released.from)
      if (offset - punched < PUNCH_BYTES) return
      punched = offset
      // Offsets stay what they are; only the disk below is given back. Not every file system can: then nothing is lost.
      await execute('fallocate', ['--punch-hole', '--offset', '0', '--length', String(offset), fileOf(run.number)]).catch(() => undefined)
    },
  }
}
