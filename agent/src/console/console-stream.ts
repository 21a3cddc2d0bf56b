import type { ConsoleJournal, JournalRun } from './console-journal.ts'
import { cutRanges, mergeGaps } from './run-cuts.ts'
import { createRunFiles } from './run-files.ts'
import { layOut, lengthOf, type Piece } from './run-pieces.ts'
import { createRunTimes, type RunTimes } from './run-times.ts'
import { decodeStrictly, wholeCharacters } from './utf8.ts'

/** Freed disk is worth a program that is started for it. */
const PUNCH_BYTES = 8 * 2 ** 20
/** A smaller gap is not worth what it loses. */
const LEAST_CUT = 64 * 1024
/** Of one read: very small parts must not make a very large message. */
const MOST_PARTS = 1000
const LONGEST_CHARACTER = 4

/** Consecutive bytes of a console, as they are sent. */
export type ConsolePart = {
  kind: 'OUTPUT' | 'INPUT' | 'NOTICE' | 'GAP'
  runId: string
  /** ISO 8601; of its first byte. */
  at: string
  bytes: number
  text: string | null
  /** For bytes that are no UTF-8. */
  base64: string | null
  actor: string | null
  /** Of a GAP: given up for its room, or lost. */
  gapReason: 'FLOOD' | 'DAMAGED' | null
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
  /** To be called about once a second: what is sent later is told with the time at which it was written. */
  noteTime(): void
  /** File of the run that goes on; null when none does. */
  liveFile(): string | null
  /** The api has everything below: its disk is freed. */
  release(position: number): Promise<void>
  /** Lines and bytes that the game wrote and that were given out, each counted once. */
  given(): { lines: number; bytes: number }
  /** Gives out no more bytes of the game than this until it is called again. */
  grant(bytes: number): void
  /**
   * Gives up what was never given out from a position on, apart from bytes at both ends that are kept: it becomes a gap of the
   * same size and its disk is freed. Bytes that were given up.
   */
  cut(from: number, kept: { head: number; tail: number }): Promise<number>
  /** Bytes of disk that the files of all runs take. */
  diskBytes(): number
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1
  return lines
}

export type ConsoleStreamOptions = {
  serverId: string
  /** The server's `logs` folder, outside its quota. */
  folder: string
  journal: ConsoleJournal
  /** Where the console begins when the journal knows nothing: the api's end. */
  start: number
  now: () => Date
  /** A time of the machine's clock as `now` would have told it. */
  correctTime: (at: Date) => Date
  monotonicMs: () => number
}

export function createConsoleStream(options: ConsoleStreamOptions): ConsoleStream {
  const { serverId, folder, journal, start, now, correctTime, monotonicMs } = options
  const files = createRunFiles(folder)
  let runs = journal.runs(serverId)
  const inserts = new Map(runs.map((run) => [run.number, journal.inserts(serverId, run.number)]))
  const gaps = new Map(runs.map((run) => [run.number, journal.gaps(serverId, run.number)]))
  const times = new Map(runs.map((run) => [run.number, timesOfEarlier(run)]))
  const sizeOf = (run: JournalRun) => run.size ?? files.sizeOf(run.number)
  const piecesOf = (run: JournalRun) => layOut(run, sizeOf(run), inserts.get(run.number) ?? [], gaps.get(run.number) ?? [])
  if (runs.length === 0) addRun({ number: 0, runId: 'none', base: start, size: 0 })
  /** One past the last position that was given out. What an earlier agent has given out is not known: maybe all there was. */
  let givenEnd = endOf(current())
  let given = { lines: 0, bytes: 0 }
  let granted = Infinity
  /** How much of the current file has been given out: an insert may not come before it. An earlier agent may have given out all. */
  let readOffset = current().size === null ? sizeOf(current()) : 0
  let punched = 0

  function addRun(run: JournalRun): void {
    journal.addRun(serverId, run)
    runs = [...runs, run]
    inserts.set(run.number, [])
    gaps.set(run.number, [])
    times.set(run.number, createRunTimes({ now, monotonicMs }))
  }

  /** Of what was written under an earlier agent only the end is known. */
  function timesOfEarlier(run: JournalRun): RunTimes {
    const changedAt = files.changedAt(run.number)
    const earlier = changedAt === null ? undefined : { size: files.sizeOf(run.number), at: correctTime(changedAt) }
    return createRunTimes({ now, monotonicMs, earlier })
  }

  const timeOf = (run: JournalRun, offset: number) => times.get(run.number)?.find(offset) ?? { at: now(), until: Infinity }

  function current(): JournalRun {
    const last = runs.at(-1)
    if (last === undefined) throw new Error('a console has at least one run')
    return last
  }

  function endOf(run: JournalRun): number {
    return (inserts.get(run.number) ?? []).reduce((total, insert) => total + lengthOf(insert), run.base + sizeOf(run))
  }

  const gapPart = (runId: string, at: Date, bytes: number, gapReason: 'FLOOD' | 'DAMAGED'): ConsolePart => ({
    kind: 'GAP',
    runId,
    at: at.toISOString(),
    bytes,
    text: null,
    base64: null,
    actor: null,
    gapReason,
  })

  function filePart(piece: Piece & { kind: 'file' }, skip: number, limit: number, isImpatient: boolean): ConsolePart | null {
    const offset = piece.fileOffset + skip
    const { at, until } = timeOf(piece.run, offset)
    const most = Math.min(piece.size - skip, limit)
    // Somebody may have looked in the middle of a character.
    const wanted = Math.min(most, Math.max(until - offset, LONGEST_CHARACTER))
    const bytes = files.read(piece.run.number, offset, wanted)
    if (bytes === null || bytes.length < wanted) return gapPart(piece.run.runId, at, most, 'DAMAGED')
    const isCut = wanted < piece.size - skip
    const length = isCut || (piece.isOpen && !isImpatient) ? wholeCharacters(bytes) : bytes.length
    if (length === 0) return null
    const part = bytes.subarray(0, length)
    const text = decodeStrictly(part)
    const fresh = Math.min(length, piece.from + skip + length - givenEnd)
    if (fresh > 0) {
      given = { lines: given.lines + countLines(part.subarray(length - fresh)), bytes: given.bytes + fresh }
      granted -= fresh
    }
    if (piece.run === current()) readOffset = Math.max(readOffset, offset + length)
    return {
      kind: 'OUTPUT',
      runId: piece.run.runId,
      at: at.toISOString(),
      bytes: length,
      text,
      base64: text === null ? part.toString('base64') : null,
      actor: null,
      gapReason: null,
    }
  }

  function give(position: number): number {
    givenEnd = Math.max(givenEnd, position)
    return position
  }

  return {
    end: () => endOf(current()),
    given: () => given,
    grant(bytes) {
      granted = bytes
    },

    async cut(first, kept) {
      const from = Math.max(first, givenEnd) + kept.head
      const to = endOf(current()) - kept.tail
      if (to - from < LEAST_CUT) return 0
      let total = 0
      for (const run of runs) {
        if (endOf(run) <= from || run.base >= to) continue
        const ranges = cutRanges(piecesOf(run), from, to, (offset, length) => files.read(run.number, offset, length))
        const merged = mergeGaps([...(gaps.get(run.number) ?? []), ...ranges])
        // Written down before anything is lost: bytes never change under a position.
        journal.setGaps(serverId, run.number, merged)
        gaps.set(run.number, merged)
        for (const range of ranges) {
          await files.punch(run.number, range.fileOffset, range.size)
          total += range.size
        }
      }
      return total
    },

    diskBytes: () => runs.reduce((total, run) => total + files.diskBytesOf(run.number), 0),

    read(from, limit, isImpatient) {
      const parts: ConsolePart[] = []
      let position = from
      const first = runs[0]?.base ?? 0
      if (position < first) {
        parts.push(gapPart('none', now(), first - position, 'DAMAGED'))
        position = first
      }
      for (const run of runs) {
        if (endOf(run) <= position) continue
        for (const piece of piecesOf(run)) {
          const pieceEnd = piece.from + piece.size
          if (pieceEnd <= position) continue
          if (position - from >= limit || parts.length >= MOST_PARTS) return parts
          if (piece.kind === 'gap') {
            const { at } = timeOf(run, piece.fileOffset + position - piece.from)
            parts.push(gapPart(run.runId, at, pieceEnd - position, 'FLOOD'))
            position = give(pieceEnd)
            continue
          }
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
              gapReason: null,
            })
            position = give(position + bytes.length)
            continue
          }
          while (position < pieceEnd) {
            const left = Math.min(limit - (position - from), granted)
            // The rest of a cut piece comes with the next read.
            if (left <= 0 || parts.length >= MOST_PARTS) return parts
            const part = filePart(piece, position - piece.from, left, isImpatient)
            if (part === null) return parts
            parts.push(part)
            position = give(position + part.bytes)
          }
        }
      }
      return parts
    },

    beginRun(runId) {
      const last = current()
      if (last.size === null) throw new Error('the run before has not ended')
      const run = { number: last.number + 1, runId, base: endOf(last), size: null }
      files.make(run.number)
      addRun(run)
      readOffset = 0
      punched = 0
      return { logPath: files.pathOf(run.number) }
    },

    endRun() {
      const run = current()
      if (run.size !== null) return
      const size = sizeOf(run)
      times.get(run.number)?.note(size)
      journal.closeRun(serverId, run.number, size)
      runs = [...runs.slice(0, -1), { ...run, size }]
    },

    insert(kind, text, actor) {
      const run = current()
      const size = sizeOf(run)
      const tailFrom = Math.max(readOffset, size - 4)
      const tail = run.size === null ? files.read(run.number, tailFrom, size - tailFrom) : null
      const fileOffset = tail === null ? size : tailFrom + wholeCharacters(tail)
      times.get(run.number)?.note(fileOffset)
      const insert = { fileOffset, kind, actor, at: now().toISOString(), text }
      journal.addInsert(serverId, run.number, insert)
      inserts.get(run.number)?.push(insert)
    },

    noteTime() {
      const run = current()
      if (run.size === null) times.get(run.number)?.note(sizeOf(run))
    },

    liveFile() {
      const run = current()
      return run.size === null ? files.pathOf(run.number) : null
    },

    async release(position) {
      const kept = runs.findIndex((run) => endOf(run) > position || run === current())
      const done = runs.slice(0, kept)
      if (done.length > 0) {
        for (const run of done) files.remove(run.number)
        runs = runs.slice(kept)
        for (const run of done) {
          inserts.delete(run.number)
          gaps.delete(run.number)
          times.delete(run.number)
        }
        journal.forgetRuns(serverId, current() === runs[0] ? current().number : (runs[0]?.number ?? 0))
      }
      const run = current()
      const released = piecesOf(run).findLast((piece) => piece.kind === 'file' && piece.from < position)
      if (released?.kind !== 'file') return
      const offset = released.fileOffset + Math.min(released.size, position - released.from)
      times.get(run.number)?.forget(offset)
      if (offset - punched < PUNCH_BYTES) return
      punched = offset
      await files.punch(run.number, 0, offset)
    },
  }
}
