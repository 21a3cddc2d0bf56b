import os from 'node:os'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchFloods } from './flood-watch.ts'

type Watched = ReturnType<Parameters<typeof watchFloods>[0]['all']>[number]

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function server(id: string, noteTime: () => void): Watched {
  const stream = {
    noteTime,
    end: () => 0,
    given: () => ({ lines: 0, bytes: 0 }),
    grant: () => undefined,
    cut: async () => 0,
    diskBytes: () => 0,
  }
  return { id, console: { stream }, record: () => ({ assignment: {} }) } as unknown as Watched
}

it('looks at every server, also behind one that cannot be looked at', async () => {
  const looked: string[] = []
  const errors: unknown[] = []
  const bad = server('bad', () => {
    throw new Error('no such file')
  })
  const good = server('good', () => looked.push('good'))
  const watch = watchFloods(
    { all: () => [bad, good] },
    os.tmpdir(),
    vi.fn(),
    (error) => errors.push(error),
    () => 0,
  )
  vi.advanceTimersByTime(1000)
  await expect.poll(() => looked).toEqual(['good'])
  watch.close()
  expect(errors).toEqual([new Error('no such file')])
})
