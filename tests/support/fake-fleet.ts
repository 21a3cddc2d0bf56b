import { enrolFakeNode, type FakeNode } from './agent-socket.ts'
import { startApi, type TestApi } from './api.ts'
import { isCommand, startFakeAgent, type FakeAgent } from './fake-agent.ts'
import { createServer, importTestTemplate, templateId, type CreateServer } from './scenario.ts'
import type { ThirdParty } from './third-party.ts'

/** An api with one node whose agent is a script. */
export type Fleet = {
  api: TestApi
  administrator: ThirdParty
  node: FakeNode
  agent: FakeAgent
  templateId: string
  dispose(): Promise<void>
}

export async function enrolmentToken(administrator: ThirdParty, name: string, firstPort: number, lastPort: number): Promise<string> {
  const data = await administrator.query<{ createEnrolmentToken: { token: string } }>(
    'mutation ($input: CreateEnrolmentTokenInput!) { createEnrolmentToken(input: $input) { ... on CreateEnrolmentTokenSuccess { token } } }',
    { input: { name, address: '192.0.2.1', firstPort, lastPort } },
  )
  return data.createEnrolmentToken.token
}

export async function startFleet(ports = { first: 25500, last: 25509 }, options: Parameters<typeof startApi>[0] = {}): Promise<Fleet> {
  const api = await startApi(options)
  const administrator = await api.administrator()
  const node = await enrolFakeNode(api.url, await enrolmentToken(administrator, 'first', ports.first, ports.last))
  const agent = await startFakeAgent(api.url, node)
  await importTestTemplate(administrator, 'printer')
  return {
    api,
    administrator,
    node,
    agent,
    templateId: await templateId(administrator, 'teeworlds'),
    async dispose() {
      await agent.close()
      await api.dispose()
    },
  }
}

export const smallServer = (fleet: Pick<Fleet, 'templateId'>, change: Partial<CreateServer> = {}): CreateServer => ({
  name: 'Small',
  templateId: fleet.templateId,
  memoryMiB: 64,
  cpuPercent: 10,
  diskMiB: 64,
  ...change,
})

/** A server whose install the fake agent has let succeed. */
export async function installedServer(fleet: Fleet, client: ThirdParty = fleet.administrator): Promise<string> {
  const id = await createServer(client, smallServer(fleet, { nodeId: fleet.node.nodeId }))
  const install = await fleet.agent.order(isCommand('INSTALL', id))
  await fleet.agent.install(id, install.id, 'SUCCEEDED', 'built\n')
  await fleet.agent.finish(install.id, 'DONE')
  return id
}
