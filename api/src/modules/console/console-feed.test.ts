import { expect, it } from 'vitest'
import type { ConsoleChunk } from './console-chunk.ts'
import { createConsoleFeed } from './console-feed.ts'
import type { ConsoleStore } from './console-store.ts'

const chunk = (from: number, text: string): ConsoleChunk => {
  const bytes = Buffer.from(text)
  return { kind: 'OUTPUT', from, to: from + bytes.length, runId: 'r', at: 0, actor: null, bytes }
}

it('answers what comes again only when it is durable: the session that sent it first may have ended', async () => {
  const written = Promise.withResolvers<void>()
  const feed = createConsoleFeed({
    serverId: 's',
    start: 0,
    store: { append: () => written.promise } as unknown as ConsoleStore,
    monotonicMs: () => performance.now(),
    onError: () => undefined,
  })
  const first = feed.ingest(0, [chunk(0, 'one\n')])
  let isAnswered = false
  const again = feed.ingest(0, [chunk(0, 'one\n')]).finally(() => {
    isAnswered = true
  })
  expect(await feed.ingest(8, [chunk(8, 'three\n')])).toEqual({ acknowledged: 0, expected: 4 })
  await new Promise(setImmediate)
  expect(isAnswered).toBe(false)
  written.resolve()
  expect(await Promise.all([first, again])).toEqual(Array(2).fill({ acknowledged: 4, expected: 4 }))
  await feed.close()
})
