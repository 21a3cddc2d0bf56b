import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startApi, type TestApi, type TestNode } from '../support/api.ts'
import { createServer, importTestTemplate, MutationRefused, mutate, templateId, type CreateServer } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'

let api: TestApi
let administrator: ThirdParty
let tenant: ThirdParty
let printer: string
let game: string

beforeAll(async () => {
  api = await startApi()
  administrator = await api.administrator()
  tenant = await api.user('tenant')
  printer = await importTestTemplate(administrator, 'printer')
  game = await templateId(administrator, 'teeworlds')
})
afterAll(() => api.dispose())
beforeEach(async () => {
  await api.sql('update "Allocation" set "serverId" = null')
  await api.sql('delete from "Server"')
  await api.sql('delete from "Node"')
})

const small = (change: Partial<CreateServer> = {}): CreateServer => ({
  name: 'Small',
  templateId: printer,
  memoryMiB: 100,
  cpuPercent: 10,
  diskMiB: 100,
  ...change,
})

type Place = Partial<TestNode> & { location?: string; tags?: string[]; isMaintenance?: boolean; memoryOvercommitPercent?: number }

async function node({ location = '', tags = [], isMaintenance = false, memoryOvercommitPercent = 100, ...rest }: Place): Promise<string> {
  const id = await api.node(rest)
  await api.sql('update "Node" set location = $2, tags = $3, "isMaintenance" = $4, "memoryOvercommitPercent" = $5 where id = $1', [
    id,
    location,
    tags,
    isMaintenance,
    memoryOvercommitPercent,
  ])
  return id
}

async function nodeOf(input: CreateServer, client = tenant): Promise<string | undefined> {
  const id = await createServer(client, input)
  const [row] = await api.sql<{ name: string }>('select n.name from "Server" s join "Node" n on n.id = s."nodeId" where s.id = $1', [id])
  return row?.name
}

async function refusal(input: CreateServer, client = tenant) {
  const error = await createServer(client, input).then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof MutationRefused) return error.answer
  throw error instanceof Error ? error : new Error('it was not refused')
}

describe('automatic placement', () => {
  it('spreads servers over the nodes with most room', async () => {
    await node({ name: 'small', memoryMiB: 1000 })
    await node({ name: 'large', memoryMiB: 4000 })
    const places = []
    for (let number = 0; number < 6; number += 1) places.push(await nodeOf(small({ memoryMiB: 500 })))
    expect(places).toEqual(['large', 'large', 'large', 'large', 'small', 'large'])
  })

  it('goes by location and tags, and passes over nodes that are away or in maintenance', async () => {
    await node({ name: 'away', location: 'Oslo', tags: ['ssd'], isOnline: false })
    await node({ name: 'resting', location: 'Oslo', tags: ['ssd'], isMaintenance: true })
    await node({ name: 'elsewhere', location: 'Rome', tags: ['ssd'], memoryMiB: 90_000 })
    await node({ name: 'plain', location: 'Oslo', memoryMiB: 80_000 })
    await node({ name: 'right', location: 'Oslo', tags: ['gpu', 'ssd'] })
    expect(await nodeOf(small({ location: 'Oslo', tags: ['ssd'] }))).toBe('right')
    expect(await nodeOf(small({ location: 'Oslo' }))).toBe('plain')
    expect(await nodeOf(small())).toBe('elsewhere')
  })

  it('says of each node what is short, to those who may see nodes', async () => {
    await node({ name: 'full', memoryMiB: 50 })
    await node({ name: 'away', isOnline: false })
    await node({ name: 'resting', isMaintenance: true })
    await node({ name: 'portless', firstPort: 26_000, lastPort: 26_000 })
    await api.sql(`delete from "Allocation" where port = 26000`)
    const answer = await refusal(small({ templateId: game }))
    expect(answer).toMatchObject({ __typename: 'CapacityError', code: 'NO_CAPACITY' })
    for (const part of [
      'full has 50 of 100 MiB memory free',
      'away is offline',
      'resting is in maintenance',
      'portless has 0 of 1 ports free',
    ])
      expect(answer.message).toContain(part)
    const blind = await api.user('blind', ['server:read', 'server:create'])
    expect((await refusal(small({ templateId: game }), blind)).message).not.toMatch(/full|away|resting|portless/)
  })

  it('goes where a chosen port is free', async () => {
    await node({ name: 'roomy', memoryMiB: 90_000, firstPort: 26_000, lastPort: 26_009 })
    await node({ name: 'right', firstPort: 26_100, lastPort: 26_109 })
    expect(await nodeOf(small({ templateId: game, ports: [{ name: 'game', port: 26_105 }] }))).toBe('right')
    expect(await refusal(small({ templateId: game, ports: [{ name: 'game', port: 26_105 }] }))).toMatchObject({
      __typename: 'PortUnavailableError',
    })
  })

  it('sells more than there is only as far as the node says', async () => {
    const id = await node({ name: 'oversold', memoryMiB: 100, memoryOvercommitPercent: 150 })
    await createServer(tenant, small({ memoryMiB: 100 }))
    await createServer(tenant, small({ memoryMiB: 50 }))
    expect(await refusal(small({ memoryMiB: 16 }))).toMatchObject({ __typename: 'CapacityError' })
    await mutate(administrator, 'updateNode', 'UpdateNodeInput', 'node { id }', { id, memoryOvercommitPercent: 200 })
    await createServer(tenant, small({ memoryMiB: 50 }))
    // Lowered below what is promised already: nothing breaks, nothing new comes.
    await mutate(administrator, 'updateNode', 'UpdateNodeInput', 'node { id }', { id, memoryOvercommitPercent: 50 })
    expect((await refusal(small({ memoryMiB: 16 }))).message).toContain('0 of 16 MiB memory free')
  })
})

describe('a chosen node', () => {
  it('is taken while it is away, refused in maintenance, and says what it lacks', async () => {
    const away = await node({ name: 'away', isOnline: false })
    const resting = await node({ name: 'resting', isMaintenance: true })
    const full = await node({ name: 'full', memoryMiB: 50 })
    expect(await nodeOf(small({ nodeId: away }))).toBe('away')
    expect(await refusal(small({ nodeId: resting }))).toMatchObject({ __typename: 'NodeMaintenanceError', code: 'NODE_MAINTENANCE' })
    expect((await refusal(small({ nodeId: full }))).message).toContain('50 of 100 MiB memory free')
  })

  it('cannot be combined with a place, so that neither is ignored', async () => {
    const nodeId = await node({ name: 'one' })
    expect(await refusal(small({ nodeId, location: 'Oslo' }))).toMatchObject({ fields: [{ path: ['location'] }] })
    expect(await refusal(small({ nodeId, tags: ['ssd'] }))).toMatchObject({ fields: [{ path: ['tags'] }] })
    expect(await refusal(small({ tags: ['Not A Tag'] }))).toMatchObject({ fields: [{ path: ['tags', '0'] }] })
  })
})

describe('racing creates', () => {
  /** Twenty at once over three nodes that have room for twelve; some choose their node, some their port. */
  it('never oversell a node or share a port', async () => {
    const ids: string[] = []
    for (const [index, name] of ['a', 'b', 'c'].entries())
      ids.push(await node({ name, memoryMiB: 400, cpuPercent: 400, firstPort: 26_000 + index * 100, lastPort: 26_009 + index * 100 }))
    // Changes of one user wait for each other: it takes many to race.
    const users = await Promise.all(Array.from({ length: 10 }, (_, index) => api.user(`racer-${String(index)}`)))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => {
        const nodeId = index % 2 === 0 ? ids[index % 3] : undefined
        const ports = index % 3 === 1 ? [{ name: 'game', port: 26_000 + (index % 3) * 100 }] : undefined
        return createServer(
          users[index % 10]!,
          small({ name: `Race ${String(index)}`, templateId: game, ...(nodeId && { nodeId }), ...(ports && !nodeId && { ports }) }),
        )
      }),
    )
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as MutationRefused] : []))
    for (const error of refused) expect(['CapacityError', 'PortUnavailableError']).toContain(error.answer.__typename)
    const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const promised = await api.sql<{ name: string; memory: number }>(
      `select n.name, sum(s."memoryMiB")::int as memory from "Node" n join "Server" s on s."nodeId" = n.id group by n.id`,
    )
    for (const { memory } of promised) expect(memory).toBeLessThanOrEqual(400)
    const ports = (await Promise.all(made.map((id) => fetchServer(administrator, id)))).flatMap(
      (server) => server?.allocations.map(({ port }) => port) ?? [],
    )
    expect(ports).toHaveLength(made.length)
    expect(new Set(ports).size).toBe(made.length)
    // All room was sold: a refusal while there is some would be as wrong as selling it twice.
    const rest = await Promise.allSettled(Array.from({ length: 12 - made.length }, () => createServer(tenant, small({ templateId: game }))))
    expect(rest.filter((outcome) => outcome.status === 'rejected')).toEqual([])
    expect(await refusal(small({ templateId: game }))).toMatchObject({ __typename: 'CapacityError' })
  })

  it('leave room that growing servers cannot take twice', async () => {
    const nodeId = await node({ name: 'one', memoryMiB: 1000 })
    const id = await createServer(administrator, small({ nodeId }))
    const users = await Promise.all(Array.from({ length: 4 }, (_, index) => api.user(`grower-${String(index)}`)))
    const grow = mutate(administrator, 'updateServer', 'UpdateServerInput', 'server { id }', { id, memoryMiB: 600 })
    const creates = users.map((user) => createServer(user, small({ nodeId, memoryMiB: 300 })))
    await Promise.allSettled([grow, ...creates])
    const [sum] = await api.sql<{ memory: number }>('select sum("memoryMiB")::int as memory from "Server"')
    expect(sum?.memory).toBeLessThanOrEqual(1000)
    expect(sum?.memory).toBeGreaterThanOrEqual(900)
  })
})
