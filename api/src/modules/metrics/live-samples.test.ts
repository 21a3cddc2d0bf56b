import { expect, it } from 'vitest'
import { createLiveSamples } from './live-samples.ts'

const MINUTE = 60_000
const NOW = Date.parse('2026-06-15T12:00:00Z')
const sample = (after: number) => ({ at: new Date(NOW + after) })

function samples() {
  const watched: string[] = []
  return Object.assign(
    createLiveSamples(
      () => new Date(NOW),
      (id) => watched.push(id),
    ),
    { watched },
  )
}

it('passes over what a wrong clock dates into the future: nothing would be newer until then', () => {
  const live = samples()
  live.ingest('a', sample(11 * MINUTE))
  expect(live.latest('a')).toBeNull()
  live.ingest('a', sample(0))
  expect(live.latest('a')).toEqual(sample(0))
})

it('keeps the newest, whatever comes late', () => {
  const live = samples()
  for (const after of [-2000, -1000, -3000]) live.ingest('a', sample(after))
  expect(live.latest('a')).toEqual(sample(-1000))
})

it('ends with what is measured, also for one who waits', async () => {
  const live = samples()
  const reader = live.follow('a', new AbortController().signal)
  const other = live.follow('b', new AbortController().signal)
  live.ingest('a', sample(0))
  expect(await reader.next()).toEqual({ done: false, value: sample(0) })
  const next = reader.next()
  const nextOfOther = other.next()
  live.forget('a')
  expect(await next).toEqual({ done: true, value: undefined })
  expect([live.isWatched('a'), live.isWatched('b'), live.viewerCount()]).toEqual([false, true, 1])
  expect(live.watched).toEqual(['a', 'b', 'a'])
  live.ingest('b', sample(0))
  expect(await nextOfOther).toEqual({ done: false, value: sample(0) })
})
