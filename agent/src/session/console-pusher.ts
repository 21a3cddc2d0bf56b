import type { ConsolePart, ConsoleStream } from '../console/console-stream.ts'
import { createRate } from '../lib/rate.ts'

const LARGEST_PUSH = 128 * 1024
/** Under way and not acknowledged, for each server. */
const LARGEST_WINDOW = 2 ** 20
/** The same for all servers together. */
const LARGEST_SUM = 8 * 2 ** 20
/** The api takes 1 000 operations of a session at once, and not all of them are of consoles. */
const MOST_PUSHES = 500
/** Of all consoles together. */
const MOST_WAITING_BYTES = 512 * 1024
const LONGEST_CHARACTER = 4
const BATCH_MS = 16
const BUSY_BATCH_MS = 50
/** Of all consoles together: what a batch costs, on both ends, hardly depends on its size. */
const BUSY_LINES_PER_SECOND = 5000
/** A character that the game does not finish leaves after this time. */
const IMPATIENT_MS = 100

export type PushAnswer = { acknowledged: number; expected: number }
export type Push = (serverId: string, from: number, parts: ConsolePart[]) => Promise<PushAnswer>

/** Sends the consoles of one session: the first output after quiet at once, then in batches. */
export type ConsolePusher = {
  /** Sends this server's console from a position on. */
  open(serverId: string, stream: ConsoleStream, from: number): void
  changed(serverId: string): void
  drop(serverId: string): void
  close(): void
}

type Line = {
  stream: ConsoleStream
  /** Next position to send. */
  next: number
  acknowledged: number
  inFlight: number
  isRewinding: boolean
  /** There is more than the window takes. */
  isBlocked: boolean
  lastPush: number
  timer: NodeJS.Timeout | null
  isImpatientTimer: boolean
}

export type ConsolePusherOptions = {
  push: Push
  /** What waits in the socket: consoles wait until it is little, so that heartbeats and reports do not wait behind them. */
  waitingBytes: () => number
  onAcknowledged: (serverId: string, position: number) => void
  onError: (error: unknown) => void
  monotonicMs: () => number
}

function linesIn(parts: readonly ConsolePart[]): number {
  let lines = 0
  for (const { text } of parts) if (text !== null) for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1
  return lines
}

export function createConsolePusher({ push, waitingBytes, onAcknowledged, onError, monotonicMs }: ConsolePusherOptions): ConsolePusher {
  const lines = new Map<string, Line>()
  const rate = createRate(monotonicMs)
  const batchMs = () => (rate.perSecond() > BUSY_LINES_PER_SECOND ? BUSY_BATCH_MS : BATCH_MS)
  /** Bytes and messages under way and not acknowledged, of all. */
  let underWay = 0
  let pushes = 0
  const hasRoom = () => underWay < LARGEST_SUM && pushes < MOST_PUSHES
  /** Those that the sum holds up, in turn. */
  const held = new Set<string>()
  let isClosed = false

  function forget(serverId: string): void {
    const line = lines.get(serverId)
    if (line === undefined) return
    if (line.timer !== null) clearTimeout(line.timer)
    underWay -= line.next - line.acknowledged
    pushes -= line.inFlight
    lines.delete(serverId)
    held.delete(serverId)
  }

  /** There is room again in what all may have under way. */
  function release(): void {
    for (const serverId of [...held]) {
      if (!hasRoom()) return
      held.delete(serverId)
      const line = lines.get(serverId)
      if (line !== undefined) flush(serverId, line, false)
    }
  }

  function schedule(serverId: string, line: Line, milliseconds: number, isImpatient: boolean): void {
    if (line.timer !== null) return
    line.isImpatientTimer = isImpatient
    line.timer = setTimeout(() => {
      line.timer = null
      flush(serverId, line, isImpatient)
    }, milliseconds)
  }

  function flush(serverId: string, line: Line, isImpatient: boolean): void {
    while (!isClosed && lines.get(serverId) === line && !line.isRewinding) {
      const room = LARGEST_WINDOW - (line.next - line.acknowledged)
      line.isBlocked = room <= LARGEST_PUSH
      if (room <= 0) return
      if (!hasRoom()) {
        held.add(serverId)
        return
      }
      if (waitingBytes() > MOST_WAITING_BYTES) {
        schedule(serverId, line, BATCH_MS, isImpatient)
        return
      }
      const limit = Math.min(LARGEST_PUSH, room)
      const parts = line.stream.read(line.next, limit, isImpatient)
      if (parts.length === 0) {
        if (!isImpatient && line.stream.end() > line.next) schedule(serverId, line, IMPATIENT_MS, true)
        return
      }
      rate.add(linesIn(parts))
      line.lastPush = monotonicMs()
      const from = line.next
      line.next += parts.reduce((total, part) => total + part.bytes, 0)
      underWay += line.next - from
      line.inFlight += 1
      pushes += 1
      void send(serverId, line, from, parts)
      // Less than a full message: the rest, of a character or of what was written meanwhile, comes with the next batch.
      if (line.next - from < limit - LONGEST_CHARACTER) {
        if (line.stream.end() > line.next) schedule(serverId, line, batchMs(), false)
        return
      }
    }
  }

  async function send(serverId: string, line: Line, from: number, parts: ConsolePart[]): Promise<void> {
    try {
      const answer = await push(serverId, from, parts)
      if (isClosed || lines.get(serverId) !== line) return
      line.inFlight -= 1
      pushes -= 1
      if (answer.acknowledged > line.acknowledged) {
        underWay -= answer.acknowledged - line.acknowledged
        line.acknowledged = answer.acknowledged
        onAcknowledged(serverId, answer.acknowledged)
      }
      // The api lacks something before this: what is under way will be refused too, then it is sent again from there.
      if (answer.expected < from) line.isRewinding = true
      const hasRewound = line.isRewinding && line.inFlight === 0
      if (hasRewound) {
        underWay -= line.next - answer.expected
        line.next = answer.expected
        line.isRewinding = false
      }
      // Otherwise what is new waits for its batch.
      if (hasRewound || line.isBlocked) flush(serverId, line, false)
      release()
    } catch (error) {
      if (!isClosed) onError(error)
    }
  }

  return {
    open(serverId, stream, from) {
      forget(serverId)
      const line: Line = {
        stream,
        next: from,
        acknowledged: from,
        inFlight: 0,
        isRewinding: false,
        isBlocked: false,
        lastPush: monotonicMs(),
        timer: null,
        isImpatientTimer: false,
      }
      lines.set(serverId, line)
      flush(serverId, line, false)
    },
    changed(serverId) {
      const line = lines.get(serverId)
      if (line === undefined || (line.timer !== null && !line.isImpatientTimer)) return
      if (line.timer !== null) clearTimeout(line.timer)
      line.timer = null
      const wait = batchMs()
      const quiet = monotonicMs() - line.lastPush
      if (quiet >= wait) flush(serverId, line, false)
      else schedule(serverId, line, wait - quiet, false)
    },
    drop(serverId) {
      forget(serverId)
      release()
    },
    close() {
      isClosed = true
      for (const { timer } of lines.values()) if (timer !== null) clearTimeout(timer)
      lines.clear()
    },
  }
}
