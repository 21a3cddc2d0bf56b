import type { ConsoleEvent } from './console-event.ts'
import { createPositionChain } from './position-chain.ts'

export type StreamSource = {
  /** Opens the stream behind `after` (null: its tail, then live). Returns its end. */
  open(
    after: number | null,
    sink: { next(event: ConsoleEvent): void; failed(codes: string[], message: string): void; ended(): void },
  ): () => void
  /** Runs after a pause that grows with the failures in a row. Returns its withdrawal. */
  later(failures: number, run: () => void): () => void
}

export type StreamListener = {
  event(event: ConsoleEvent): void
  /** For good: the right is missing, or the server is gone. */
  refused(code: string): void
}

const FINAL_CODES = ['FORBIDDEN', 'NOT_FOUND', 'UNAUTHENTICATED']

/**
 * One viewer's console: history, then live, by position. Whatever happens to the socket, every event is handed on once and in
 * order: after a loss it goes on behind the last position, a repetition is dropped, a broken chain is read anew from where it
 * broke, and what a slow viewer lost is read from history.
 */
export function createConsoleStream(source: StreamSource, listener: StreamListener) {
  let chain = createPositionChain(null)
  let close: (() => void) | null = null
  let withdraw: (() => void) | null = null
  let session = 0
  let failures = 0
  let isStopped = false
  /** Position of the last gap that was asked for again: the second answer is the truth. */
  let askedAgainAt: number | null = null

  const leave = () => {
    session += 1
    close?.()
    withdraw?.()
    close = null
    withdraw = null
  }
  const openLater = () => {
    leave()
    withdraw = source.later(failures, open)
    failures += 1
  }
  const accept = (event: ConsoleEvent) => {
    if (
      event.__typename === 'ConsoleGap' &&
      event.reason === 'SLOW_VIEWER' &&
      askedAgainAt !== event.from &&
      (chain.position ?? event.from) === event.from
    ) {
      askedAgainAt = event.from
      chain.accept({ from: event.from, to: event.from })
      openAt(event.from)
      return
    }
    switch (chain.accept(event)) {
      case 'next':
        failures = 0
        listener.event(event)
        break
      case 'repeated':
        break
      case 'broken':
        openLater()
    }
  }
  const openAt = (after: number | null) => {
    leave()
    if (isStopped) return
    const mine = ++session
    const isMine = () => mine === session && !isStopped
    const end = source.open(after, {
      next: (event) => {
        if (isMine()) accept(event)
      },
      failed: (codes) => {
        if (!isMine()) return
        const final = codes.find((code) => FINAL_CODES.includes(code))
        if (final === undefined) openLater()
        else {
          leave()
          listener.refused(final)
        }
      },
      ended: () => {
        if (isMine()) openLater()
      },
    })
    // An answer may have come while opening: then this stream is over already.
    if (mine === session) close = end
    else end()
  }
  const open = () => {
    openAt(chain.position)
  }

  return {
    /** Opens, or opens again behind the last position. */
    open,
    /** Opens behind another position; null: with its tail. */
    restart(after: number | null) {
      chain = createPositionChain(after)
      askedAgainAt = null
      failures = 0
      open()
    },
    /** Leaves the stream; the position stays. */
    pause: leave,
    stop() {
      isStopped = true
      leave()
    },
  }
}
