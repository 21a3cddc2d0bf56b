import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installedServer, smallServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import type { ThirdParty } from '../support/third-party.ts'

let fleet: Fleet
let tenant: ThirdParty
let stranger: ThirdParty
let own: string
let foreign: string

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25539 })
  tenant = await fleet.api.user('tenant')
  stranger = await fleet.api.user('stranger')
  own = await installedServer(fleet, tenant)
  foreign = await installedServer(fleet, stranger)
})
afterAll(() => fleet.dispose())

/** How an operation ended: its data, or why it was refused. Never a bug of ours. */
async function outcome(client: ThirdParty, document: string, variables: object = {}): Promise<string> {
  try {
    return JSON.stringify(await client.query(document, variables as Record<string, unknown>))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const cursor = (...key: unknown[]) => Buffer.from(JSON.stringify(key)).toString('base64url')
const CURSORS = [
  'x',
  '',
  cursor(),
  cursor('a'),
  cursor('a', 'b'),
  cursor('2026-01-01T00:00:00.000Z', 'x'),
  cursor('+275760-09-13T00:00:00.000Z', '1'),
  cursor('a', '018bcfe5-6800-7000-8000-000000000000'),
  cursor('1', '99999999999999999999'),
  cursor('-1'),
  cursor('\0', '1'),
  cursor('\ud800', '018bcfe5-6800-7000-8000-000000000000'),
  cursor({}, []),
]

describe('cursors that no list has made', () => {
  const lists = (): [string, string][] => [
    ['servers', 'query ($after: String) { servers(after: $after) { totalCount } }'],
    [
      'servers by time',
      'query ($after: String) { servers(after: $after, orderBy: { field: CREATED_AT, direction: DESC }) { totalCount } }',
    ],
    ['serverHistory', `query ($after: String) { serverHistory(serverId: "${own}", after: $after) { totalCount } }`],
    ['installations', `query ($after: String) { installations(serverId: "${own}", after: $after) { totalCount } }`],
    ['nodes', 'query ($after: String) { nodes(after: $after) { totalCount } }'],
    ['nodeHistory', `query ($after: String) { nodeHistory(nodeId: "${fleet.node.nodeId}", after: $after) { totalCount } }`],
    ['allocations', `query ($after: String) { allocations(nodeId: "${fleet.node.nodeId}", after: $after) { totalCount } }`],
    ['templates', 'query ($after: String) { templates(after: $after) { totalCount } }'],
    ['users', 'query ($after: String) { users(after: $after) { totalCount } }'],
    ['consoleRuns', `query ($after: String) { consoleRuns(serverId: "${own}", after: $after) { totalCount } }`],
    ['consoleCommands', `query ($after: String) { consoleCommands(serverId: "${own}", after: $after) { totalCount } }`],
  ]
  it('are refused, or show a page', async () => {
    for (const [name, document] of lists())
      for (const after of CURSORS)
        expect(await outcome(fleet.administrator, document, { after }), `${name} ${after}`).not.toMatch(
          /INTERNAL|GRAPHQL_VALIDATION_FAILED/,
        )
  })
})

describe('texts that a database cannot hold', () => {
  const TEXTS = ['a\0b', 'a\ud800', '\udc00a', 'x'.repeat(20_000)]
  const documents = (): [string, (text: string) => [string, object]][] => [
    [
      'search',
      (search) => [
        'query ($filter: ServerFilter) { servers(filter: $filter) { totalCount } }',
        { filter: { search, nodeId: search, ownerId: search } },
      ],
    ],
    [
      'search of ports',
      (search) => [
        'query ($id: ID!, $filter: AllocationFilter) { allocations(nodeId: $id, filter: $filter) { totalCount } }',
        { id: fleet.node.nodeId, filter: { search } },
      ],
    ],
    [
      'id',
      (id) => ['query ($id: ID!) { server(id: $id) { id } node(id: $id) { id } serverHistory(serverId: $id) { totalCount } }', { id }],
    ],
    [
      'name',
      (name) => [
        'mutation ($input: CreateServerInput!) { createServer(input: $input) { __typename } }',
        { input: { ...smallServer(fleet), name } },
      ],
    ],
    [
      'location and tags',
      (text) => [
        'mutation ($input: CreateServerInput!) { createServer(input: $input) { __typename } }',
        { input: { ...smallServer(fleet), location: text, tags: [text] } },
      ],
    ],
    [
      'variable',
      (value) => [
        'mutation ($input: UpdateServerInput!) { updateServer(input: $input) { __typename } }',
        {
          input: {
            id: own,
            variables: [
              { name: 'SERVER_TITLE', value },
              { name: value, value },
            ],
          },
        },
      ],
    ],
    [
      'stop rule',
      (command) => [
        'mutation ($input: UpdateServerInput!) { updateServer(input: $input) { __typename } }',
        { input: { id: own, stop: { command } } },
      ],
    ],
    [
      'new name',
      (name) => ['mutation ($input: UpdateServerInput!) { updateServer(input: $input) { __typename } }', { input: { id: own, name } }],
    ],
    [
      'key of a start',
      (idempotencyKey) => [
        'mutation ($input: StartServerInput!) { startServer(input: $input) { __typename } }',
        { input: { id: own, idempotencyKey } },
      ],
    ],
    [
      'key of many',
      (idempotencyKey) => [
        'mutation ($input: StopServersInput!) { stopServers(input: $input) { __typename } }',
        { input: { ids: [own, idempotencyKey], idempotencyKey } },
      ],
    ],
    [
      'command',
      (command) => [
        'mutation ($input: SendConsoleCommandInput!) { sendConsoleCommand(input: $input) { __typename } }',
        { input: { serverId: own, command } },
      ],
    ],
    [
      'node settings',
      (text) => [
        'mutation ($input: UpdateNodeInput!) { updateNode(input: $input) { __typename } }',
        { input: { id: fleet.node.nodeId, location: text } },
      ],
    ],
    [
      'note',
      (note) => [
        'mutation ($input: AddAllocationsInput!) { addAllocations(input: $input) { __typename } }',
        { input: { nodeId: fleet.node.nodeId, ip: '192.0.2.1', firstPort: 30_000, lastPort: 30_000, note } },
      ],
    ],
    [
      'enrolment',
      (name) => [
        'mutation ($input: CreateEnrolmentTokenInput!) { createEnrolmentToken(input: $input) { __typename } }',
        { input: { name, address: '192.0.2.1', firstPort: 30_000, lastPort: 30_000, location: name } },
      ],
    ],
    ['template', (source) => ['mutation ($source: String!) { importTemplate(input: { source: $source }) { __typename } }', { source }]],
    ['sign-in', (email) => ['mutation ($email: String!) { signIn(input: { email: $email, password: $email }) { __typename } }', { email }]],
  ]
  it('are refused or kept, everywhere', async () => {
    for (const [name, build] of documents())
      for (const text of TEXTS) {
        const [document, variables] = build(text)
        expect(await outcome(fleet.administrator, document, variables), `${name}: ${JSON.stringify(text.slice(0, 10))}`).not.toMatch(
          /INTERNAL|GRAPHQL_VALIDATION_FAILED/,
        )
      }
  })
})

describe('servers of others', () => {
  it('cannot be changed, deleted, listed or read about, alone or in a selection', async () => {
    const before = await fleet.api.sql('select * from "Server" where id = $1', [foreign])
    for (const document of [
      `mutation { updateServer(input: { id: "${foreign}", name: "mine" }) { __typename } }`,
      `mutation { updateServer(input: { id: "${foreign}", memoryMiB: 65 }) { __typename } }`,
      `mutation { deleteServer(input: { id: "${foreign}" }) { __typename } }`,
      `mutation { installServer(input: { id: "${foreign}" }) { __typename } }`,
    ])
      expect(await outcome(tenant, document)).toContain('NotFoundError')
    expect(await outcome(tenant, `mutation { deleteServer(input: { id: "${own}", force: true }) { __typename } }`)).toContain('FORBIDDEN')
    for (const verb of ['startServers', 'stopServers', 'restartServers', 'killServers', 'deleteServers']) {
      const success = `${verb.charAt(0).toUpperCase()}${verb.slice(1)}Success`
      const answer = await outcome(
        tenant,
        `mutation { ${verb}(input: { ids: ["${foreign}", "${randomUUID()}"] }) { ... on ${success} { results { server { id } error { code } } } } }`,
      )
      expect(answer.match(/NOT_FOUND/g)).toHaveLength(2)
    }
    expect(await outcome(tenant, `{ serverHistory(serverId: "${foreign}") { totalCount } }`)).toBe('{"serverHistory":null}')
    expect(await outcome(tenant, `{ installations(serverId: "${foreign}") { totalCount } }`)).toMatch(/null|"totalCount":0/)
    for (const list of ['consoleRuns', 'consoleCommands'])
      for (const after of ['', `, after: "${cursor('9')}"`])
        expect(await outcome(tenant, `{ ${list}(serverId: "${foreign}"${after}) { totalCount } }`)).toBe(`{"${list}":null}`)
    expect(await fleet.api.sql('select * from "Server" where id = $1', [foreign])).toEqual(before)
  })

  it('are not found out by keys that their owner used', async () => {
    const start = (client: ThirdParty, id: string) =>
      outcome(client, `mutation { startServer(input: { id: "${id}", idempotencyKey: "shared" }) { __typename ... on Error { code } } }`)
    expect(await start(stranger, foreign)).toContain('Success')
    expect(await start(tenant, foreign)).toContain('NOT_FOUND')
  })
})

it('leaves the api to others while one tenant asks for hundreds of servers at once', async () => {
  const create = () =>
    outcome(tenant, 'mutation ($input: CreateServerInput!) { createServer(input: $input) { __typename } }', {
      input: smallServer(fleet, { memoryMiB: 4_000_000 }),
    })
  const flood = Promise.all(Array.from({ length: 200 }, create))
  const times: number[] = []
  for (let isOver = false; !isOver;) {
    const started = performance.now()
    expect(await outcome(stranger, '{ serverCounts { count } }')).toContain('count')
    times.push(performance.now() - started)
    isOver = await Promise.race([flood.then(() => true), new Promise<false>((resolve) => setTimeout(resolve, 20, false))])
  }
  // Every one is told the same truth, however long it waited.
  expect(new Set(await flood)).toEqual(new Set(['{"createServer":{"__typename":"CapacityError"}}']))
  expect(times.sort((a, b) => a - b)[Math.floor(times.length / 2)]).toBeLessThan(1000)
})
