import { once } from 'node:events'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startApi } from '../support/api.ts'

it('stops at once, and says goodbye to open sockets, also to those that do not answer', async () => {
  const api = await startApi()
  const url = api.url.replace('http', 'ws')
  const client = new WebSocket(`${url}/graphql`, 'graphql-transport-ws')
  const agent = new WebSocket(`${url}/agent`, 'graphql-transport-ws')
  await Promise.all([once(client, 'open'), once(agent, 'open')])
  // Reads nothing any more, not even the closing handshake.
  const deaf = new WebSocket(`${url}/graphql`, 'graphql-transport-ws')
  await once(deaf, 'open')
  deaf.pause()
  const closed = Promise.all([once(client, 'close'), once(agent, 'close')])
  const started = performance.now()
  await api.dispose()
  expect(performance.now() - started).toBeLessThan(5_000)
  expect((await closed).map(([code]) => code as number)).toEqual([1001, 1001])
  deaf.terminate()
})
