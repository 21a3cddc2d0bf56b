import { expect, it } from 'vitest'
import type { UserActor } from '../../lib/actor.ts'
import { createConsoleArchiveService } from './console-archive-service.ts'
import type { ConsoleReadModel } from './console-read-model.ts'
import type { Console } from './console-service.ts'
import type { ConsoleStore } from './console-store.ts'

it('runs two patterns at once, whoever asks; texts do not wait for them', async () => {
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
  const patterns = ['a', 'b', 'c', 'd'].map((person) => search(person, { regex: 'x' }))
  await settle()
  expect(running).toBe(2)
  const text = search('a', { text: 'x' })
  await settle()
  expect(running).toBe(3)
  released.resolve([])
  expect(await Promise.all([...patterns, text])).toHaveLength(5)
})
