import { ApolloClient, ApolloLink, InMemoryCache, Observable } from '@apollo/client/core'
import { DefaultApolloClient } from '@vue/apollo-composable'
import { afterEach, expect, it, vi } from 'vitest'
import { show } from '../../test-app.ts'
import ServerSelectionBar from './ServerSelectionBar.vue'

type Result = { serverId: string; error: { code: string; message: string } | null }
let shown: Awaited<ReturnType<typeof show>>
const sent: { name: string; ids: string[] }[] = []

const row = (id: string, status: string, more: object = {}) => ({
  id,
  name: `Server ${id}`,
  status,
  state: status === 'UNKNOWN' ? 'RUNNING' : status,
  runningSince: null,
  pendingRestart: null,
  viewerCanStart: true,
  viewerCanStop: true,
  viewerCanRestart: true,
  viewerCanKill: true,
  viewerCanDelete: true,
  ...more,
})

/** An api that answers with these results, and a cache that knows the state of each server. */
function apollo(results: Result[], states: Record<string, string>) {
  const cache = new InMemoryCache()
  for (const [id, status] of Object.entries(states))
    cache.restore({
      ...cache.extract(),
      [`Server:${id}`]: {
        __typename: 'Server',
        id,
        name: `Server ${id}`,
        status,
        state: 'STOPPED',
        runningSince: null,
        waitingCommand: null,
      },
    })
  const link = new ApolloLink(({ operationName, variables }) => {
    sent.push({ name: operationName, ids: (variables['input'] as { ids: string[] }).ids })
    const answer = {
      __typename: 'StopServersSuccess',
      results: results.map((result) => ({ __typename: 'BulkResult', server: null, ...result })),
    }
    return Observable.of({ data: { stopServers: answer } })
  })
  return new ApolloClient({ cache, link })
}
async function bar(servers: object[], client: unknown) {
  shown = await show(ServerSelectionBar, { servers }, [[DefaultApolloClient, client]])
  return shown
}

afterEach(() => {
  shown.end()
  sent.length = 0
})

it('counts what each order would touch', async () => {
  const { buttons, text } = await bar(
    [row('1', 'RUNNING'), row('2', 'RUNNING', { viewerCanStop: false }), row('3', 'STOPPED')],
    apollo([], {}),
  )
  expect(buttons()).toEqual(expect.arrayContaining(['Start 1 of 3', 'Restart 2 of 3', 'Stop 1 of 3', 'Kill 2 of 3…', 'Delete 3…']))
  expect(text()).toContain('3 selected2 running, 1 stopped')
})

it('sends one order for all, follows each server, and tells the outcome once', async () => {
  const results = [
    { serverId: '1', error: null },
    { serverId: '2', error: { code: 'NOT_FOUND', message: 'gone' } },
    { serverId: '3', error: null },
  ]
  const client = apollo(results, { 1: 'STOPPED', 2: 'RUNNING', 3: 'UNKNOWN' })
  const { press, messages } = await bar([row('1', 'RUNNING'), row('2', 'RUNNING'), row('3', 'UNKNOWN')], client)
  press('Stop 3')
  await vi.waitFor(() => {
    expect(messages.messages).toHaveLength(1)
  })
  expect(sent).toEqual([{ name: 'StopServers', ids: ['1', '2', '3'] }])
  expect(messages.messages[0]).toMatchObject({ kind: 'warning', title: 'Stopped 1 of 3.', text: '1 waits for its node. 1 was refused.' })
  messages.messages[0]?.action?.run()
  await vi.waitFor(() => {
    const lines = [...document.querySelectorAll('[role=dialog] li, .v-dialog li')].map((line) =>
      line.textContent.replaceAll(/\s+/g, ' ').trim(),
    )
    expect(lines).toEqual(['Server 1done', 'Server 2It is not there any more.', 'Server 3waits for its node'])
  })
})

it('shows the progress until the last node has reported', async () => {
  const client = apollo([{ serverId: '1', error: null }], { 1: 'STOPPING' })
  const { press, text, messages } = await bar([row('1', 'RUNNING')], client)
  press('Stop 1')
  await vi.waitFor(() => {
    expect(text()).toContain('Stopping: 0 of 1 done')
  })
  expect(messages.messages).toHaveLength(0)
  client.cache.modify({ id: 'Server:1', fields: { status: () => 'STOPPED' } })
  await vi.waitFor(() => {
    expect(messages.messages[0]).toMatchObject({ kind: 'done', title: 'Stopped 1 of 1.' })
  })
})
