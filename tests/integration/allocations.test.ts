import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAssignment } from '../support/fake-agent.ts'
import { smallServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { createServer, deleteServer, MutationRefused, mutate } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

let fleet: Fleet
let administrator: ThirdParty
let tenant: ThirdParty
let porter: ThirdParty
let nodeId: string

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25519 })
  administrator = fleet.administrator
  tenant = await fleet.api.user('tenant')
  porter = await fleet.api.user('porter', ['node:read', 'allocation:manage'])
  nodeId = await fleet.api.node({ name: 'stocked', firstPort: 26_000, lastPort: 26_009 })
})
afterAll(() => fleet.dispose())

type Row = {
  id: string
  ip: string
  port: number
  isFree: boolean
  note: string | null
  name: string | null
  isPrimary: boolean
  server: { name: string } | null
}
type Page = { totalCount: number; nodes: Row[]; pageInfo: { endCursor: string | null; hasNextPage: boolean } }

async function stock(
  client: ThirdParty,
  filter: object = {},
  page: { first?: number; after?: string | null } = {},
  node = nodeId,
): Promise<Page> {
  const data = await client.query<{ allocations: Page }>(
    `query ($nodeId: ID!, $first: Int, $after: String, $filter: AllocationFilter) {
      allocations(nodeId: $nodeId, first: $first, after: $after, filter: $filter) {
        totalCount nodes { id ip port isFree note name isPrimary server { name } } pageInfo { endCursor hasNextPage }
      }
    }`,
    { nodeId: node, filter, first: 100, ...page },
  )
  return data.allocations
}

const add = (input: object, client = administrator) =>
  mutate<{ addedCount: number; duplicatePorts: number[] }>(client, 'addAllocations', 'AddAllocationsInput', 'addedCount duplicatePorts', {
    nodeId,
    ip: '192.0.2.10',
    ...input,
  })
const remove = (ids: string[], client = administrator, node = nodeId) =>
  mutate<{ deletedAllocationIds: string[] }>(client, 'removeAllocations', 'RemoveAllocationsInput', 'deletedAllocationIds', {
    nodeId: node,
    ids,
  })

async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof MutationRefused) return error.answer
  throw error instanceof Error ? error : new Error('it was not refused')
}

/** Every typed error of a removal, with the ports in use. */
async function usedPorts(client: ThirdParty, ids: string[], node: string) {
  const data = await client.query<{ removeAllocations: { allocations: { port: number; takenBy: string | null }[] } }>(
    `mutation ($input: RemoveAllocationsInput!) {
      removeAllocations(input: $input) { ... on AllocationInUseError { allocations { port takenBy } } }
    }`,
    { input: { nodeId: node, ids } },
  )
  return data.removeAllocations.allocations
}

describe('adding', () => {
  it('adds ranges, and reports what overlaps as it leaves it', async () => {
    expect(await add({ firstPort: 26_005, lastPort: 26_014, note: ' new ones ' })).toMatchObject({
      addedCount: 5,
      duplicatePorts: [26_005, 26_006, 26_007, 26_008, 26_009],
    })
    expect(await add({ ip: '192.0.2.11', firstPort: 26_005, lastPort: 26_005 })).toMatchObject({ addedCount: 1, duplicatePorts: [] })
    const { nodes, totalCount } = await stock(administrator)
    expect(totalCount).toBe(16)
    expect(nodes.filter(({ note }) => note === 'new ones').map(({ port }) => port)).toEqual([26_010, 26_011, 26_012, 26_013, 26_014])
    const [entry] = await fleet.api.sql<{ actorName: string; change: object }>(
      `select "actorName", change from "AuditEntry" where action = 'allocation:manage' order by id limit 1`,
    )
    expect(entry).toMatchObject({ actorName: 'admin', change: { firstPort: 26_005, lastPort: 26_014, addedCount: 5 } })
  })

  it('gives two administrators one port each time when both add the same', async () => {
    const both = await Promise.all([add({ firstPort: 27_000, lastPort: 27_499 }), add({ firstPort: 27_000, lastPort: 27_499 })])
    expect(both.map(({ addedCount }) => addedCount).sort((a, b) => a - b)).toEqual([0, 500])
  })

  it.each([
    ['a privileged port', { firstPort: 1023, lastPort: 2000 }, 'firstPort'],
    ['a port that is none', { firstPort: 65_000, lastPort: 65_536 }, 'lastPort'],
    ['a range upside down', { firstPort: 2000, lastPort: 1999 }, 'lastPort'],
    ['too many at once', { firstPort: 2000, lastPort: 12_000 }, 'lastPort'],
    ['an address that is none', { ip: '192.0.2.256', firstPort: 2000, lastPort: 2000 }, 'ip'],
    ['a name', { ip: 'localhost', firstPort: 2000, lastPort: 2000 }, 'ip'],
    ['IPv6', { ip: '::1', firstPort: 2000, lastPort: 2000 }, 'ip'],
    ['leading zeros', { ip: '192.0.02.1', firstPort: 2000, lastPort: 2000 }, 'ip'],
    ['every address at once', { ip: '0.0.0.0', firstPort: 2000, lastPort: 2000 }, 'ip'],
    ['multicast', { ip: '224.0.0.1', firstPort: 2000, lastPort: 2000 }, 'ip'],
    ['a long note', { firstPort: 2000, lastPort: 2000, note: 'x'.repeat(201) }, 'note'],
    ['NUL', { firstPort: 2000, lastPort: 2000, note: '\0' }, 'note'],
  ])('refuses %s', async (_what, input, field) => {
    const answer = await refusal(add(input))
    expect(answer).toMatchObject({ __typename: 'ValidationError' })
    expect(answer.fields?.map(({ path }) => path.join('.'))).toContain(field)
  })

  it('knows only nodes that there are', async () => {
    for (const unknown of [randomUUID(), 'x'])
      expect(await refusal(add({ nodeId: unknown, firstPort: 2000, lastPort: 2000 }))).toMatchObject({ __typename: 'NotFoundError' })
  })
})

describe('the list', () => {
  it('goes by address and number, in pages that join', async () => {
    const node = await fleet.api.node({ name: 'paged', address: '192.0.2.10', firstPort: 26_000, lastPort: 26_004 })
    await add({ nodeId: node, ip: '192.0.2.9', firstPort: 30_000, lastPort: 30_001 })
    const seen: string[] = []
    let after: string | null = null
    do {
      const page: Page = await stock(administrator, {}, { first: 2, after }, node)
      expect(page.totalCount).toBe(7)
      seen.push(...page.nodes.map(({ ip, port }) => `${ip}:${String(port)}`))
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
    } while (after !== null)
    const ports = [26_000, 26_001, 26_002, 26_003, 26_004].map((port) => `192.0.2.10:${String(port)}`)
    expect(seen).toEqual(['192.0.2.9:30000', '192.0.2.9:30001', ...ports])
  })

  it.each(['x', 'WyIxIiwiMiJd', Buffer.from('["192.0.2.1","-1"]').toString('base64url')])('refuses the cursor %s', async (after) => {
    await expect(stock(administrator, {}, { after })).rejects.toThrow('VALIDATION')
  })

  it('shows who has a port, and its name, to those who may see the server', async () => {
    const node = fleet.node.nodeId
    const id = await createServer(
      tenant,
      smallServer(fleet, { name: 'Secret game', nodeId: node, ports: [{ name: 'game', port: 25_507 }] }),
    )
    const port = async (client: ThirdParty, filter: object = {}) =>
      (await stock(client, filter, {}, node)).nodes.find((row) => row.port === 25_507)
    const stranger = await fleet.api.user('stranger')
    expect(await port(administrator)).toMatchObject({
      isFree: false,
      name: 'game',
      isPrimary: true,
      server: { name: 'Secret game' },
      note: '',
    })
    expect(await port(tenant)).toMatchObject({ isFree: false, name: 'game', server: { name: 'Secret game' }, note: null })
    for (const client of [stranger, porter])
      expect(await port(client)).toMatchObject({ isFree: false, name: null, isPrimary: false, server: null })
    // What is hidden cannot be searched for either.
    expect((await stock(administrator, { search: 'secret' }, {}, node)).totalCount).toBe(1)
    expect((await stock(porter, { search: 'secret' }, {}, node)).totalCount).toBe(0)
    expect((await stock(administrator, { isFree: false }, {}, node)).totalCount).toBe(1)
    expect((await stock(stranger, { isFree: true, search: ':2550' }, {}, node)).nodes.map((row) => row.port)).not.toContain(25_507)
    await fleet.api.sql(`update "Allocation" set note = 'Reserved 50%' where "nodeId" = $1 and port = 25508`, [node])
    expect((await stock(porter, { search: '50%' }, {}, node)).nodes).toHaveLength(1)
    expect((await stock(stranger, { search: 'Reserved' }, {}, node)).nodes).toHaveLength(0)

    // Deleted and not yet confirmed: nobody's server any more, and not free.
    await deleteServer(tenant, id)
    expect(await port(administrator)).toMatchObject({ isFree: false, server: null, name: null })
    await fleet.agent.report(id, { isRemoved: true, generation: 99 })
    expect(await port(administrator)).toMatchObject({ isFree: true, server: null, name: null })
  })
})

describe('changing and removing', () => {
  it('sets notes, and passes over ports of other nodes', async () => {
    const { nodes } = await stock(administrator)
    const other = (await stock(administrator, {}, {}, fleet.node.nodeId)).nodes[0]!
    const ids = [nodes[0]!.id, nodes[1]!.id, other.id]
    const { allocations } = await mutate<{ allocations: { id: string; note: string }[] }>(
      administrator,
      'updateAllocations',
      'UpdateAllocationsInput',
      'allocations { id note }',
      { nodeId, ids, note: 'voice' },
    )
    expect(allocations).toEqual([
      { id: nodes[0]!.id, note: 'voice' },
      { id: nodes[1]!.id, note: 'voice' },
    ])
  })

  it('removes all or none, names the server only to those who may see it, and frees nothing of others', async () => {
    const node = fleet.node.nodeId
    await createServer(tenant, smallServer(fleet, { name: 'Holder', nodeId: node, ports: [{ name: 'game', port: 25_510 }] }))
    const rows = (await stock(administrator, {}, {}, node)).nodes.filter(({ port }) => port === 25_510 || port === 25_511)
    const ids = rows.map(({ id }) => id)
    expect(await refusal(remove(ids, administrator, node))).toMatchObject({ __typename: 'AllocationInUseError', code: 'ALLOCATION_IN_USE' })
    expect(await usedPorts(administrator, ids, node)).toEqual([{ port: 25_510, takenBy: 'Holder' }])
    expect(await usedPorts(porter, ids, node)).toEqual([{ port: 25_510, takenBy: null }])
    expect((await stock(administrator, {}, {}, node)).nodes.filter(({ id }) => ids.includes(id))).toHaveLength(2)

    const free = rows.find(({ port }) => port === 25_511)!
    expect((await remove([free.id], porter, nodeId)).deletedAllocationIds).toEqual([])
    expect((await remove([free.id], porter, node)).deletedAllocationIds).toEqual([free.id])
    expect((await remove([free.id], porter, node)).deletedAllocationIds).toEqual([])
  })

  it.each([
    ['none', []],
    ['ids that are none', ['x']],
    ['too many', Array.from({ length: 1001 }, () => '018bcfe5-6800-7000-8000-000000000000')],
  ])('refuses %s', async (_what, ids) => {
    expect(await refusal(remove(ids))).toMatchObject({ __typename: 'ValidationError' })
  })

  it('takes no port away from under a server that is being made', async () => {
    const node = await fleet.api.node({ name: 'raced', firstPort: 26_500, lastPort: 26_500 })
    const [row] = (await stock(administrator, {}, {}, node)).nodes
    for (let round = 0; round < 5; round += 1) {
      const making = createServer(administrator, smallServer(fleet, { nodeId: node, ports: [{ name: 'game', port: 26_500 }] }))
      const [made, removed] = await Promise.allSettled([making, remove([row!.id], administrator, node)])
      const left = await fleet.api.sql<{ serverId: string | null }>('select "serverId" from "Allocation" where "nodeId" = $1', [node])
      if (made.status === 'fulfilled') {
        expect(removed.status).toBe('rejected')
        expect(left).toEqual([{ serverId: made.value }])
        await fleet.api.sql('update "Allocation" set "serverId" = null where "nodeId" = $1', [node])
        await fleet.api.sql('delete from "Server" where id = $1', [made.value])
        continue
      }
      expect(removed.status).toBe('fulfilled')
      expect(left).toEqual([])
      return
    }
  })
})

describe('no port outside the stock', () => {
  it('is reserved by a create, whatever it asks for', async () => {
    for (const [port, ip] of [
      [22, undefined],
      [1024, undefined],
      [65_535, undefined],
      [25_505, '127.0.0.1'],
      [25_505, '192.0.2.99'],
    ] as const) {
      const ports = [{ name: 'game', port, ...(ip && { ip }) }]
      expect(await refusal(createServer(tenant, smallServer(fleet, { nodeId: fleet.node.nodeId, ports })))).toMatchObject({
        __typename: 'PortUnavailableError',
      })
    }
  })

  it('reaches the agent: what it is told is a port of its own node, given to this server', async () => {
    const id = await createServer(tenant, smallServer(fleet, { nodeId: fleet.node.nodeId }))
    const { assignment } = await fleet.agent.order(isAssignment(id, 1))
    const rows = await fleet.api.sql<{ port: number }>('select port from "Allocation" where "nodeId" = $1 and "serverId" = $2', [
      fleet.node.nodeId,
      id,
    ])
    expect(assignment.spec.ports.map(({ port }) => port)).toEqual(rows.map(({ port }) => port))
    expect(rows).toHaveLength(1)
  })
})
