import { expect, it } from 'vitest'
import type { UserActor } from '../../lib/actor.ts'
import { RateLimitedError } from '../../lib/errors.ts'
import { createConsoleArchiveService } from './console-archive-service.ts'
import type { ConsoleReadModel } from './console-read-model.ts'
import type { Console } from './console-service.ts'
import type { ConsoleStore } from './console-store.ts'

/** Of an archive whose searches end when they are released. */
function createScene() {
  const released = Promise.withResolvers<[]>()
  let running = 0
  const store = {
    before: () => {
      running += 1
      return released.promise
    },
  } as unknown as ConsoleStore
  const feed = { head: () => 10, pending: () => [] }
  const archive = createConsoleArchiveService({
    consoles: { archive: async () => ({ feed }) as unknown as Console, access: async () => undefined },
    store,
    readModel: {} as ConsoleReadModel,
    monotonicMs: () => 0,
  })
  const search = (person: string, what: object) => archive.search({ id: person } as UserActor, 'server', what)
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    search,
    settle,
    release: () => {
      released.resolve([])
    },
    running: () => running,
  }
}

it('runs two patterns at once, whoever asks; texts do not wait for them', async () => {
  const { search, settle, release, running } = createScene()
  const patterns = ['a', 'b', 'c', 'd'].map((person) => search(person, { regex: 'x' }))
  await settle()
  expect(running()).toBe(2)
  const text = search('a', { text: 'x' })
  await settle()
  expect(running()).toBe(3)
  release()
  expect(await Promise.all([...patterns, text])).toHaveLength(5)
})

it('has at most one search with a pattern of a person, and twenty people wait', async () => {
  const { search, settle, release } = createScene()
  const pattern = (person: number) => search(String(person), { regex: 'x' })
  const searches = Array.from({ length: 22 }, (_, person) => pattern(person))
  await settle()
  for (const person of [0, 21]) await expect(pattern(person)).rejects.toThrow('is not over yet')
  await expect(pattern(22)).rejects.toThrow(RateLimitedError)
  release()
  expect(await Promise.all(searches)).toHaveLength(22)
  await expect(pattern(0)).resolves.toBeDefined()
})
