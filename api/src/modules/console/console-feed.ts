import { setTimeout as delay } from 'node:timers/promises'
import type { LiveListener } from '../../lib/live-stream.ts'
import { countLines, dropBefore, joinPieces, JOINED_BYTES, type ConsolePiece } from './console-chunk.ts'
import { createPace } from './console-pace.ts'
import type { ConsoleStore } from './console-store.ts'

const SEGMENT_BYTES = 256 * 1024
const SEGMENT_MS = 1000
/** An agent has at most 1 MiB of a console under way; one that sends more waits until the disk has caught up. */
const MOST_PENDING_BYTES = 4 * 2 ** 20

/** The living end of one console: takes what the agent sends, tells viewers, makes it durable. */
export type ConsoleFeed = {
  /** One past the last byte received. */
  head(): number
  /** One past the last durable byte. */
  durable(): number
  /** One past the last byte that followers were told. */
  told(): number
  /** Received and maybe not durable, in order. */
  pending(): readonly ConsolePiece[]
  /** See ConsoleService. */
  ingest(from: number, pieces: readonly ConsolePiece[]): Promise<{ acknowledged: number; expected: number }>
  /** Tells a listener from the next piece on, until the returned function is called. */
  follow(listener: LiveListener<ConsolePiece>): () => void
  /** The server is gone: nothing comes any more. */
  end(): void
  /** Makes durable what was received. */
  close(): Promise<void>
}

export type ConsoleFeedOptions = {
  serverId: string
  /** One past the last durable byte. */
  start: number
  store: ConsoleStore
  monotonicMs: () => number
  onError: (error: unknown) => void
}

export function createConsoleFeed({ serverId, start, store, monotonicMs, onError }: ConsoleFeedOptions): ConsoleFeed {
  let head = start
  let durable = start
  let told = start
  const pending: ConsolePiece[] = []
  let pendingBytes = 0
  let untold: ConsolePiece[] = []
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> | null = null
  let isClosing = false
  const listeners = new Set<LiveListener<ConsolePiece>>()
  /** Called when `durable` grew. */
  const waiters = new Set<() => void>()

  const pace = createPace(monotonicMs, () => {
    const events = [...joinPieces(untold, JOINED_BYTES)]
    untold = []
    told = head
    for (const listener of [...listeners]) listener.events(events)
  })

  /** Writes what is pending; the database may be away for a while, and what waits is bounded. */
  function flush(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (writing !== null || pending.length === 0) return
    const pieces = pending.slice()
    const write = async () => {
      for (let wait = 100; ; wait = Math.min(wait * 2, 5000)) {
        try {
          await store.append(serverId, pieces)
          break
        } catch (error) {
          onError(error)
          if (isClosing) return
          await delay(wait)
        }
      }
      pending.splice(0, pieces.length)
      pendingBytes = pending.reduce((total, piece) => total + piece.to - piece.from, 0)
      durable = pieces.at(-1)?.to ?? durable
      for (const wake of waiters) wake()
    }
    writing = write().finally(() => {
      writing = null
      if (pendingBytes >= SEGMENT_BYTES) flush()
      else schedule()
    })
  }

  function schedule(): void {
    if (timer === null && pending.length > 0 && !isClosing) timer = setTimeout(flush, SEGMENT_MS)
  }

  function untilDurable(position: number): Promise<void> {
    if (durable >= position || isClosing) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        if (durable < position && !isClosing) return
        waiters.delete(wake)
        resolve()
      }
      waiters.add(wake)
    })
  }

  return {
    head: () => head,
    durable: () => durable,
    told: () => told,
    pending: () => pending,

    async ingest(from, pieces) {
      if (pendingBytes > MOST_PENDING_BYTES) await untilDurable(head)
      // Something before it is missing: it comes again, after that.
      if (from > head) return { acknowledged: durable, expected: head }
      const fresh = pieces.filter((piece) => piece.to > head).map((piece) => dropBefore(piece, head))
      const last = fresh.at(-1)
      if (last !== undefined) {
        pending.push(...fresh)
        untold.push(...fresh)
        pendingBytes += last.to - head
        head = last.to
        // Before it is durable: viewers do not wait for the disk.
        pace.news(fresh.reduce((total, piece) => total + (piece.kind === 'GAP' ? 0 : countLines(piece.bytes)), 0))
        if (pendingBytes >= SEGMENT_BYTES) flush()
        else schedule()
      }
      // Also of what came before, in a session that ended: nobody else would tell this one that it is durable.
      await untilDurable(pieces.at(-1)?.to ?? from)
      return { acknowledged: durable, expected: head }
    },

    follow(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    end() {
      pace.stop()
      for (const listener of [...listeners]) listener.ended()
    },

    async close() {
      isClosing = true
      pace.stop()
      await writing
      flush()
      await writing
      for (const wake of waiters) wake()
    },
  }
}
