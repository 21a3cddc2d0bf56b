import type { BusEvents } from './bus-events.ts'

export type Topic = keyof BusEvents

export type SubscribeOptions = {
  /** Ends the iteration. */
  signal?: AbortSignal
  /** Events that may wait for this subscriber; more end it with BusOverflowError. Default 1 024. */
  limit?: number
}

/** Events inside this process. Publishing never throws and never waits: every subscriber has a bounded queue of its own. */
export type EventBus = {
  publish<T extends Topic>(topic: T, event: BusEvents[T]): void
  /** Subscribed from the call on, not from the first `next()`. */
  subscribe<T extends Topic>(topic: T, options?: SubscribeOptions): AsyncIterableIterator<BusEvents[T]>
  /** Calls back at once, in the publisher's turn. Returns what ends it. */
  on<T extends Topic>(topic: T, listener: (event: BusEvents[T]) => void): () => void
}

/** A subscriber did not read for so long that its queue was full; it has to read the current state again. */
export class BusOverflowError extends Error {
  override readonly name = 'BusOverflowError'
}

const DEFAULT_LIMIT = 1024

/** Queue of one subscriber as an async iterator. */
function createQueue<E>(limit: number, onEnd: () => void) {
  const waiting: E[] = []
  let reader: PromiseWithResolvers<IteratorResult<E, undefined>> | null = null
  let failure: Error | null = null
  let isEnded = false

  const end = (error: Error | null) => {
    if (isEnded) return
    isEnded = true
    failure = error
    waiting.length = 0
    onEnd()
    if (reader === null) return
    if (error === null) reader.resolve({ value: undefined, done: true })
    else {
      reader.reject(error)
      failure = null
    }
    reader = null
  }

  const iterator: AsyncIterableIterator<E> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      const event = waiting.shift()
      if (event !== undefined) return { value: event, done: false }
      if (failure !== null) {
        const error = failure
        failure = null
        throw error
      }
      if (isEnded) return { value: undefined, done: true }
      reader = Promise.withResolvers<IteratorResult<E, undefined>>()
      return reader.promise
    },
    async return() {
      end(null)
      return { value: undefined, done: true }
    },
  }
  const push = (event: E) => {
    if (isEnded) return
    if (reader !== null) {
      const { resolve } = reader
      reader = null
      resolve({ value: event, done: false })
    } else if (waiting.length >= limit) end(new BusOverflowError(`more than ${limit} events wait`))
    else waiting.push(event)
  }
  return { iterator, push, end }
}

/** @param report is told what a listener threw; the publisher and the other listeners are not troubled */
export function createEventBus(report: (error: unknown) => void): EventBus {
  // Each topic has listeners of one type; the map forgets which, the signatures above keep it.
  const listeners = new Map<Topic, Set<(event: never) => void>>()

  const on = <T extends Topic>(topic: T, listener: (event: BusEvents[T]) => void) => {
    const set = listeners.get(topic) ?? new Set()
    listeners.set(topic, set.add(listener))
    return () => {
      set.delete(listener)
    }
  }

  return {
    on,
    publish(topic, event) {
      // A copy: listeners that come or go meanwhile do not disturb the walk.
      for (const listener of [...(listeners.get(topic) ?? [])]) {
        try {
          listener(event as never)
        } catch (error) {
          report(error)
        }
      }
    },
    subscribe<T extends Topic>(topic: T, { signal, limit = DEFAULT_LIMIT }: SubscribeOptions = {}) {
      const abort = () => {
        queue.end(null)
      }
      const queue = createQueue<BusEvents[T]>(limit, () => {
        off()
        signal?.removeEventListener('abort', abort)
      })
      const off = on(topic, queue.push)
      if (signal?.aborted === true) queue.end(null)
      else signal?.addEventListener('abort', abort, { once: true })
      return queue.iterator
    },
  }
}
