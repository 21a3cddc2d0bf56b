import { expect, it } from 'vitest'
import type { Database } from '../../db/database.ts'
import { createEventBus } from '../../events/event-bus.ts'
import type { UserActor } from '../../lib/actor.ts'
import { createConsoleInput } from './console-input.ts'

const ID = '018bcfe5-6800-7000-8000-000000000000'

it('waits for no answer when nothing was written', async () => {
  const server = { id: ID, ownerId: ID, nodeId: ID, name: 'a', state: 'RUNNING', generation: 1, deletedAt: null, node: { isOnline: true } }
  const prisma = {
    $queryRaw: async () => [],
    server: { findMany: async () => [server] },
    command: { create: async () => ({ id: ID }) },
  }
  const db = {
    async transaction(run: (tx: object) => Promise<unknown>) {
      await run({ prisma, afterCommit: () => undefined })
      await run({ prisma, afterCommit: () => undefined })
      throw new Error('no commit')
    },
  } as unknown as Database
  const bus = createEventBus(() => undefined)
  let listeners = 0
  const counted: typeof bus = {
    ...bus,
    on(topic, listener) {
      const off = bus.on(topic, listener)
      listeners += 1
      return () => {
        listeners -= 1
        off()
      }
    },
  }
  const input = createConsoleInput({ db, bus: counted, audit: { record: async () => undefined }, monotonicMs: () => 0 })
  const actor = { kind: 'user', id: ID, username: 'a', permissions: new Set(['server:read', 'console:send']) } as unknown as UserActor
  await expect(input.send(actor, { serverId: ID, command: 'status' })).rejects.toThrow('no commit')
  expect(listeners).toBe(0)
})
