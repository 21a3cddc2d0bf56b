import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
import { startContainerd, whyNoContainerd, type TestContainerd } from '../support/containerd.ts'
import { hostTraces } from '../support/host-traces.ts'
import { startLocalAgent, type LocalAgent } from '../support/local-agent.ts'
import { createServer, deleteServer, importTestTemplate, power } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'

const reason = whyNoContainerd()

// Two real agents on one machine and one containerd, each with a game: what one does is nothing to the other.
describe.skipIf(reason !== null)(`two agents on one machine${reason === null ? '' : ` (${reason})`}`, () => {
  let api: TestApi
  let containerd: TestContainerd
  let administrator: ThirdParty
  let template: string
  const agents: LocalAgent[] = []

  beforeAll(async () => {
    containerd = await startContainerd()
    api = await startApi()
    administrator = await api.administrator()
    template = await importTestTemplate(administrator, 'printer')
    for (const [name, first] of [
      ['left', 26_700],
      ['right', 26_710],
    ] as const)
      agents.push(
        await startLocalAgent({
          name,
          apiUrl: api.url,
          administrator,
          containerdSocket: containerd.socket,
          ports: { first, last: first + 9 },
        }),
      )
  }, 120_000)

  afterAll(async () => {
    for (const agent of agents) await agent.dispose()
    await api.dispose()
    await containerd.dispose()
    for (const agent of agents) expect(hostTraces(agent.namespace, agent.dataDir)).toEqual([])
  }, 120_000)

  const status = async (agent: LocalAgent) =>
    (
      await administrator.query<{ node: { status: string; runtime: { name: string } } }>(
        'query ($id: ID!) { node(id: $id) { status runtime { name } } }',
        { id: agent.nodeId },
      )
    ).node

  it('run their own games, and outlive each other', async () => {
    const [left, right] = agents as [LocalAgent, LocalAgent]
    expect(await status(left)).toEqual({ status: 'ONLINE', runtime: { name: 'containerd' } })
    const ids = await Promise.all(
      agents.map((agent) =>
        createServer(administrator, {
          name: 'Game',
          templateId: template,
          nodeId: agent.nodeId,
          memoryMiB: 64,
          cpuPercent: 50,
          diskMiB: 64,
          start: true,
        }),
      ),
    )
    const [leftId, rightId] = ids as [string, string]
    for (const id of ids) await untilServer(administrator, id, (server) => server.status === 'RUNNING', 120_000)

    await left.kill()
    expect(left.pid()).toBeNull()
    await untilServer(administrator, leftId, (server) => server.status === 'UNKNOWN', 30_000)
    await untilServer(administrator, rightId, (server) => server.status === 'RUNNING', 5000)
    await left.start()
    await untilServer(administrator, leftId, (server) => server.status === 'RUNNING' && !server.isStale, 30_000)

    expect(await right.stop()).toBe(0)
    await right.start()
    for (const id of ids) {
      await power(administrator, 'kill', id)
      await untilServer(administrator, id, (server) => server.status === 'STOPPED', 30_000)
      await deleteServer(administrator, id)
    }
    await expect.poll(() => api.sql('select id from "Server"'), { timeout: 30_000 }).toEqual([])
  }, 240_000)
})
