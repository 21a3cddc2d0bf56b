import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { parse } from 'graphql'
import type { Client, Sink } from 'graphql-ws'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keepStream } from './kept-stream.ts'

type Data = { tick: number }
const document = parse('subscription { tick }') as TypedDocumentNode<Data, Record<string, never>>

/** A socket whose subscriptions end as graphql-ws ends them: also when they are closed here, and later. */
function fakeClient() {
  const sinks: Sink<{ data: Data }>[] = []
  const closed: number[] = []
  const subscribe = (_request: unknown, sink: Sink<{ data: Data }>) => {
    const index = sinks.push(sink) - 1
    return () => {
      closed.push(index)
      queueMicrotask(() => {
        sink.complete()
      })
    }
  }
  return { client: { subscribe } as unknown as Client, sinks, closed }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('hands on what comes, and subscribes again when the stream ends or fails', async () => {
  const { client, sinks } = fakeClient()
  const seen: number[] = []
  keepStream(client, document, {}, { next: ({ tick }) => seen.push(tick), refused: () => undefined })
  sinks[0]?.next({ data: { tick: 1 } })
  sinks[0]?.complete()
  await vi.advanceTimersByTimeAsync(2000)
  sinks[1]?.next({ data: { tick: 2 } })
  sinks[1]?.error([{ message: 'no', extensions: { code: 'UNKNOWN' } }])
  await vi.advanceTimersByTimeAsync(2000)
  expect(sinks).toHaveLength(3)
  expect(seen).toEqual([1, 2])
})

it('subscribes once more when a failure is followed by the end', async () => {
  const { client, sinks } = fakeClient()
  keepStream(client, document, {}, { next: () => undefined, refused: () => undefined })
  sinks[0]?.error([{ message: 'no', extensions: { code: 'UNKNOWN' } }])
  sinks[0]?.complete()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sinks).toHaveLength(2)
})

it.each(['FORBIDDEN', 'NOT_FOUND'])('stays away when it is refused: %s', async (code) => {
  const { client, sinks } = fakeClient()
  const refused = vi.fn()
  keepStream(client, document, {}, { next: () => undefined, refused })
  sinks[0]?.error([{ message: 'no', extensions: { code } }])
  sinks[0]?.complete()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(refused).toHaveBeenCalledOnce()
  expect(sinks).toHaveLength(1)
})

it('is over when it is closed, though the stream then tells its end, and while it waits to open again', async () => {
  const { client, sinks, closed } = fakeClient()
  const close = keepStream(client, document, {}, { next: () => undefined, refused: () => undefined })
  close()
  await vi.advanceTimersByTimeAsync(60_000)
  expect([sinks.length, closed]).toEqual([1, [0]])

  const waiting = keepStream(client, document, {}, { next: () => undefined, refused: () => undefined })
  sinks[1]?.complete()
  waiting()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sinks).toHaveLength(2)
})
