import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createEventBus } from '../events/event-bus.ts'
import type { Services } from '../graphql/context.ts'
import type { UserActor } from '../lib/actor.ts'
import { createConsoleDownload, type ConsoleDownload } from './console-download.ts'

const PATH = '/servers/018bcfe5-6800-7000-8000-000000000000/console.log'
const actor = { id: 'reader' } as UserActor

let session: UserActor | null
let isDatabaseAway: boolean
const warn = vi.fn()
let download: ConsoleDownload
let server: http.Server

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  session = actor
  isDatabaseAway = false
  warn.mockClear()
  async function* bytes() {
    for (;;) {
      yield Buffer.from('line\n')
      await nextTurn()
    }
  }
  download = createConsoleDownload({
    services: {
      auth: {
        authenticate: async () => {
          if (isDatabaseAway) throw new Error('away')
          return session
        },
      },
      console: { access: async () => undefined },
      consoleArchive: { download: async () => bytes() },
    } as unknown as Pick<Services, 'auth' | 'console' | 'consoleArchive'>,
    identify: async () => ({ actor, isRefused: false, token: 'token' }),
    checkOrigin: () => 'none',
    bus: createEventBus(() => undefined),
    logger: { warn } as unknown as Logger,
  })
  server = http.createServer((request, response) => void download.handle(request, response, PATH))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  vi.useRealTimers()
  server.closeAllConnections()
  server.close()
})

async function begin(): Promise<http.IncomingMessage> {
  const request = http.get({ port: (server.address() as AddressInfo).port, path: PATH })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  await once(response, 'data')
  return response
}

it.each([
  ['a while', () => vi.advanceTimersByTime(60_000)],
  [
    'revocations may have been missed',
    () => {
      download.recheck()
    },
  ],
])('looks at who reads again after %s', async (_what, pass) => {
  const response = await begin()
  const cut = once(response, 'error')
  pass()
  await nextTurn()
  expect(response.destroyed).toBe(false)
  session = null
  pass()
  await cut
  await expect.poll(() => vi.getTimerCount()).toBe(0)
})

it('goes on, and tells of it, when it cannot be known who reads', async () => {
  const response = await begin()
  isDatabaseAway = true
  download.recheck()
  await expect.poll(() => warn.mock.calls.length).toBe(1)
  await once(response, 'data')
  isDatabaseAway = false
  download.recheck()
  await once(response, 'data')
  expect(response.destroyed).toBe(false)
  expect(warn).toHaveBeenCalledOnce()
})
