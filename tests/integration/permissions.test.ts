import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
import type { ThirdParty } from '../support/third-party.ts'

const ID = '018bcfe5-6800-7000-8000-000000000000'
const power = (name: string) => `mutation { ${name}(input: { id: "${ID}" }) { __typename } }`
const bulk = (name: string) => `mutation { ${name}(input: { ids: ["${ID}"] }) { __typename } }`

/** Every root field that needs a permission, and an operation that reaches it. */
const FIELDS: Record<string, [permission: string, operation: string]> = {
  'Query.servers': ['server:read', '{ servers { totalCount } }'],
  'Query.server': ['server:read', `{ server(id: "${ID}") { id } }`],
  'Query.serverCounts': ['server:read', '{ serverCounts { count } }'],
  'Query.serverHistory': ['server:read', `{ serverHistory(serverId: "${ID}") { totalCount } }`],
  'Query.installations': ['server:read', `{ installations(serverId: "${ID}") { totalCount } }`],
  'Query.nodes': ['node:read', '{ nodes { totalCount } }'],
  'Query.node': ['node:read', `{ node(id: "${ID}") { id } }`],
  'Query.freePorts': ['node:read', `{ freePorts(nodeId: "${ID}") { port } }`],
  'Query.nodeHistory': ['node:manage', `{ nodeHistory(nodeId: "${ID}") { totalCount } }`],
  'Query.enrolmentTokens': ['node:manage', '{ enrolmentTokens { id } }'],
  'Query.allocations': ['node:read', `{ allocations(nodeId: "${ID}") { totalCount } }`],
  'Query.templates': ['template:read', '{ templates { totalCount } }'],
  'Query.template': ['template:read', `{ template(id: "${ID}") { id } }`],
  'Query.users': ['user:read', '{ users { totalCount } }'],
  'Mutation.createServer': [
    'server:create',
    `mutation { createServer(input: { name: "a", templateId: "${ID}", memoryMiB: 64, cpuPercent: 50, diskMiB: 64 }) { __typename } }`,
  ],
  'Mutation.startServer': ['server:start', power('startServer')],
  'Mutation.stopServer': ['server:stop', power('stopServer')],
  'Mutation.restartServer': ['server:restart', power('restartServer')],
  'Mutation.killServer': ['server:kill', power('killServer')],
  'Mutation.installServer': ['server:install', power('installServer')],
  'Mutation.abortInstallation': ['server:install', power('abortInstallation')],
  'Mutation.deleteServer': ['server:delete', power('deleteServer')],
  'Mutation.updateServer': ['server:update', power('updateServer')],
  'Mutation.startServers': ['server:start', bulk('startServers')],
  'Mutation.stopServers': ['server:stop', bulk('stopServers')],
  'Mutation.restartServers': ['server:restart', bulk('restartServers')],
  'Mutation.killServers': ['server:kill', bulk('killServers')],
  'Mutation.deleteServers': ['server:delete', bulk('deleteServers')],
  'Query.console': ['console:read', `{ console(serverId: "${ID}") { nodes { from } } }`],
  'Query.searchConsole': ['console:read', `{ searchConsole(serverId: "${ID}", text: "x") { nodes { position } } }`],
  'Query.consoleRuns': ['console:read', `{ consoleRuns(serverId: "${ID}") { totalCount } }`],
  'Query.consoleCommands': ['console:read', `{ consoleCommands(serverId: "${ID}") { totalCount } }`],
  'Mutation.updateConsoleSettings': ['server:update', `mutation { updateConsoleSettings(input: { serverId: "${ID}" }) { __typename } }`],
  'Mutation.sendConsoleCommand': [
    'console:send',
    `mutation { sendConsoleCommand(input: { serverId: "${ID}", command: "x" }) { __typename } }`,
  ],
  'Mutation.importTemplate': ['template:import', 'mutation { importTemplate(input: { source: "x" }) { __typename } }'],
  'Mutation.createEnrolmentToken': [
    'node:manage',
    'mutation { createEnrolmentToken(input: { name: "", address: "", firstPort: 1, lastPort: 1 }) { __typename } }',
  ],
  'Mutation.createRekeyToken': ['node:manage', `mutation { createRekeyToken(input: { nodeId: "${ID}" }) { __typename } }`],
  'Mutation.revokeEnrolmentToken': ['node:manage', `mutation { revokeEnrolmentToken(input: { id: "${ID}" }) { __typename } }`],
  'Mutation.updateNode': ['node:manage', `mutation { updateNode(input: { id: "${ID}", name: "x" }) { __typename } }`],
  'Mutation.deleteNode': ['node:manage', `mutation { deleteNode(input: { id: "${ID}" }) { __typename } }`],
  'Mutation.addAllocations': [
    'allocation:manage',
    `mutation { addAllocations(input: { nodeId: "${ID}", ip: "192.0.2.1", firstPort: 25500, lastPort: 25501 }) { __typename } }`,
  ],
  'Mutation.removeAllocations': [
    'allocation:manage',
    `mutation { removeAllocations(input: { nodeId: "${ID}", ids: ["${ID}"] }) { __typename } }`,
  ],
  'Mutation.updateAllocations': [
    'allocation:manage',
    `mutation { updateAllocations(input: { nodeId: "${ID}", ids: ["${ID}"], note: "" }) { __typename } }`,
  ],
  'Query.serverMetrics': [
    'server:read',
    `{ serverMetrics(serverId: "${ID}", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z") { __typename } }`,
  ],
  'Query.nodeMetrics': [
    'node:read',
    `{ nodeMetrics(nodeId: "${ID}", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z") { __typename } }`,
  ],
  'Subscription.nodeMetrics': ['node:read', `subscription { nodeMetrics(nodeId: "${ID}") { at } }`],
  'Subscription.serverEvents': ['server:read', `subscription { serverEvents(serverId: "${ID}") { sequence } }`],
  'Subscription.serverMetrics': ['server:read', `subscription { serverMetrics(serverId: "${ID}") { at } }`],
  'Subscription.consoleEvents': ['console:read', `subscription { consoleEvents(serverId: "${ID}") { from } }`],
  'Subscription.installationEvents': ['server:read', `subscription { installationEvents(serverId: "${ID}") { from } }`],
}
/** Root fields without a permission of their own; `nodeEvents` is live and without end, so it has a test of its own. */
const OTHERS = ['Query.viewer', 'Mutation.signIn', 'Mutation.signOut', 'Subscription.nodeEvents']

let api: TestApi
/** By permission: who has all others, and who has only it. */
const without = new Map<string, ThirdParty>()
const only = new Map<string, ThirdParty>()

beforeAll(async () => {
  api = await startApi()
  const { viewer } = await (await api.administrator()).query<{ viewer: { permissions: string[] } }>('{ viewer { permissions } }')
  for (const permission of new Set(Object.values(FIELDS).map(([name]) => name))) {
    const name = permission.replace(':', '-')
    const others = viewer.permissions.filter((other) => other !== permission)
    without.set(permission, await api.user(`without-${name}`, others))
    only.set(permission, await api.user(`only-${name}`, [permission]))
  }
})
afterAll(() => api.dispose())

/** What is refused, or how it was answered. */
async function outcome(client: ThirdParty, operation: string, transport: 'HTTP' | 'WebSocket'): Promise<string> {
  try {
    if (transport === 'HTTP') return JSON.stringify(await client.query(operation))
    for await (const data of client.iterate(operation)) return JSON.stringify(data)
    return 'ended'
  } catch (error) {
    return error instanceof Error ? error.message : JSON.stringify(error)
  }
}

it('covers every root field', async () => {
  const { __schema } = await (
    await api.administrator()
  ).query<{ __schema: { types: { name: string; fields: { name: string }[] | null }[] } }>('{ __schema { types { name fields { name } } } }')
  const roots = __schema.types.filter(({ name }) => ['Query', 'Mutation', 'Subscription'].includes(name))
  const names = roots.flatMap((root) => (root.fields ?? []).map((field) => `${root.name}.${field.name}`))
  expect([...Object.keys(FIELDS), ...OTHERS].sort()).toEqual(names.sort())
})

describe.each(['HTTP', 'WebSocket'] as const)('over %s', (transport) => {
  // Streams exist on sockets only.
  const fields = Object.entries(FIELDS).filter(([name]) => transport === 'WebSocket' || !name.startsWith('Subscription.'))

  it.each(fields)('%s needs %o', async (_name, [permission, operation]) => {
    const refused = await outcome(without.get(permission)!, operation, transport)
    expect(refused).toContain('"code":"FORBIDDEN"')
    expect(refused).toContain(`"permission":"${permission}"`)
    expect(await outcome(only.get(permission)!, operation, transport)).not.toMatch(/FORBIDDEN|INTERNAL|UNAUTHENTICATED/)
  })
})

it('guards nodeEvents', async () => {
  const operation = 'subscription { nodeEvents { occurredAt } }'
  expect(await outcome(without.get('node:read')!, operation, 'WebSocket')).toContain('FORBIDDEN')
})

describe('the role User', () => {
  it('may run own servers, and nothing of the installation', async () => {
    const user = await api.user('ordinary')
    const { viewer } = await user.query<{ viewer: { permissions: string[] } }>('{ viewer { permissions } }')
    expect(viewer.permissions).toContain('server:create')
    for (const permission of [
      'server:read-all',
      'server:create-for-others',
      'node:manage',
      'allocation:manage',
      'template:import',
      'user:read',
      'audit:read',
    ])
      expect(viewer.permissions).not.toContain(permission)
  })

  it('gets back what this version gives it at each start, and forgets permissions that no longer exist', async () => {
    await api.sql(`update "Role" set permissions = '{server:read,server:teleport}' where name = 'User'`)
    await api.restart()
    const user = await api.user('later')
    const { viewer } = await user.query<{ viewer: { permissions: string[] } }>('{ viewer { permissions } }')
    expect(viewer.permissions).toContain('console:send')
    expect(viewer.permissions).not.toContain('server:teleport')
  })
})
