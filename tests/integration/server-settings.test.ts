import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type isAssignment, startFakeAgent } from '../support/fake-agent.ts'
import { installedServer, smallServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { createServer, deleteServer } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'

let fleet: Fleet
let tenant: ThirdParty

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25539 })
  tenant = await fleet.api.user('tenant')
})

afterAll(async () => {
  await fleet.dispose()
})

type Answer = { __typename: string; code?: string; fields?: { path: string[] }[]; server?: Record<string, unknown> }

const update = async (client: ThirdParty, input: object): Promise<Answer> =>
  (
    await client.query<{ updateServer: Answer }>(
      `mutation ($input: UpdateServerInput!) { updateServer(input: $input) { __typename
        ... on UpdateServerSuccess { server { name limits { memoryMiB cpuPercent } cpuset bootPolicy
          restartPolicy { policy cleanExitCodes maximumRestarts windowSeconds } stopRule { command signal timeoutSeconds isOwn } variables { name value } } }
        ... on Error { code } ... on ValidationError { fields { path } } } }`,
      { input },
    )
  ).updateServer

describe('updateServer', () => {
  it('sets policies, stop rule, name and variables of one’s own server, and tells its node without a new wish', async () => {
    const id = await installedServer(fleet, tenant)
    expect(await update(tenant, { id })).toMatchObject({
      server: {
        bootPolicy: 'RESTORE',
        restartPolicy: { policy: 'ON_FAILURE', cleanExitCodes: [0], maximumRestarts: 5, windowSeconds: 600 },
        stopRule: { isOwn: false },
      },
    })
    const answer = await update(tenant, {
      id,
      name: ' Renamed ',
      bootPolicy: 'ALWAYS',
      restartPolicy: { policy: 'ALWAYS', cleanExitCodes: [0, 143], maximumRestarts: 2 },
      stop: { signal: '^C', timeoutSeconds: 7 },
    })
    expect(answer.server).toMatchObject({
      name: 'Renamed',
      bootPolicy: 'ALWAYS',
      restartPolicy: { policy: 'ALWAYS', cleanExitCodes: [0, 143], maximumRestarts: 2, windowSeconds: 600 },
      stopRule: { command: null, signal: '^C', timeoutSeconds: 7, isOwn: true },
    })
    const isChanged = (order: Parameters<ReturnType<typeof isAssignment>>[0]) =>
      order.__typename === 'AssignmentOrder' && order.assignment.serverId === id && order.assignment.spec.bootPolicy === 'ALWAYS'
    await expect.poll(() => fleet.agent.orders.some(isChanged)).toBe(true)
    const order = fleet.agent.orders.findLast(isChanged)
    expect(order).toMatchObject({
      assignment: {
        generation: 1,
        spec: {
          name: 'Renamed',
          stop: { command: null, signal: 'SIGINT', timeoutSeconds: 7 },
          restart: { policy: 'ALWAYS', cleanExitCodes: [0, 143], maximumRestarts: 2, windowSeconds: 600 },
        },
      },
    })
    const { serverHistory } = await tenant.query<{ serverHistory: { nodes: { kind: string; actor: string; change: object[] }[] } }>(
      'query ($id: ID!) { serverHistory(serverId: $id, first: 1) { nodes { kind actor change { setting before after } } } }',
      { id },
    )
    expect(serverHistory.nodes[0]).toMatchObject({ kind: 'SETTINGS_CHANGED', actor: 'tenant' })
    expect(serverHistory.nodes[0]?.change).toContainEqual({ setting: 'stopSignal', before: '', after: '^C' })
    // As the template says again.
    expect((await update(tenant, { id, stop: null })).server).toMatchObject({ stopRule: { isOwn: false } })
  })

  it.each([
    ['an empty name', { name: ' ' }, ['name']],
    ['an exit code that is none', { restartPolicy: { cleanExitCodes: [256] } }, ['restartPolicy', 'cleanExitCodes', '0']],
    ['a window of no time', { restartPolicy: { windowSeconds: 0 } }, ['restartPolicy', 'windowSeconds']],
    ['a signal that is none', { stop: { signal: 'SIGNOTHING' } }, ['stop', 'signal']],
    ['a command with a line break', { stop: { command: 'quit\nquit' } }, ['stop', 'command']],
    ['a command together with a signal', { stop: { command: 'quit', signal: 'SIGINT' } }, ['stop', 'signal']],
    ['an endless stop', { stop: { timeoutSeconds: 3601 } }, ['stop', 'timeoutSeconds']],
    ['an unknown variable', { variables: [{ name: 'NOTHING', value: '1' }] }, ['variables', '0', 'name']],
    ['too little memory', { memoryMiB: 1 }, ['memoryMiB']],
    ['cores that are no list', { cpuset: '0..3' }, ['cpuset']],
    ['cores backwards', { cpuset: '3-0' }, ['cpuset']],
  ])('refuses %s with the path of the field', async (_what, change, path) => {
    const id = await createServer(tenant, smallServer(fleet))
    const answer = await update(tenant, { id, ...change })
    expect(answer).toMatchObject({ __typename: 'ValidationError', code: 'VALIDATION' })
    expect(answer.fields?.map((field) => field.path)).toContainEqual(path)
    await deleteServer(tenant, id)
    await fleet.agent.report(id, { isRemoved: true, generation: 99 })
  })

  it('lets an owner change no limits, an administrator only within the node’s room, also when two ask at once', async () => {
    const id = await installedServer(fleet, tenant)
    await expect(update(tenant, { id, memoryMiB: 128 })).rejects.toThrow('server:update-limits')
    // What stays as it is needs no right.
    expect(await update(tenant, { id, memoryMiB: 64 })).toMatchObject({ __typename: 'UpdateServerSuccess' })
    expect(await update(fleet.administrator, { id, memoryMiB: 1_000_000 })).toMatchObject({ __typename: 'CapacityError' })
    const other = await installedServer(fleet)
    const [row] = await fleet.api.sql<{ free: number }>(
      `select n."memoryMiB" - sum(s."memoryMiB")::int as free from "Node" n join "Server" s on s."nodeId" = n.id where n.id = $1 group by n.id`,
      [fleet.node.nodeId],
    )
    const wanted = 64 + Math.floor((row?.free ?? 0) * 0.6)
    const answers = await Promise.all([id, other].map((server) => update(fleet.administrator, { id: server, memoryMiB: wanted })))
    expect(answers.map((answer) => answer.__typename).sort()).toEqual(['CapacityError', 'UpdateServerSuccess'])
  })

  it('keeps a server to cores that its node has, by the right to change limits', async () => {
    const id = await installedServer(fleet, tenant)
    await expect(update(tenant, { id, cpuset: '0' })).rejects.toThrow('server:update-limits')
    expect(await update(fleet.administrator, { id, cpuset: '0, 2-3' })).toMatchObject({ server: { cpuset: '0,2-3' } })
    const isPinned = (order: Parameters<ReturnType<typeof isAssignment>>[0]) =>
      order.__typename === 'AssignmentOrder' && order.assignment.serverId === id && order.assignment.spec.limits.cpuset === '0,2-3'
    await expect.poll(() => fleet.agent.orders.some(isPinned)).toBe(true)
    const foreign = await update(fleet.administrator, { id, cpuset: '0-4095' })
    expect(foreign).toMatchObject({ __typename: 'ValidationError', fields: [{ path: ['cpuset'] }] })
    await expect(createServer(fleet.administrator, { ...smallServer(fleet), cpuset: '4095' })).rejects.toThrow('ValidationError')
    expect(await update(fleet.administrator, { id, cpuset: '' })).toMatchObject({ server: { cpuset: '' } })
  })

  it('answers a repeated request alike, and hides servers of others', async () => {
    const id = await createServer(tenant, smallServer(fleet))
    const input = { id, name: 'Twice', idempotencyKey: randomUUID() }
    await Promise.all([update(tenant, input), update(tenant, input)])
    const { serverHistory } = await tenant.query<{ serverHistory: { nodes: { kind: string }[] } }>(
      'query ($id: ID!) { serverHistory(serverId: $id) { nodes { kind } } }',
      { id },
    )
    expect(serverHistory.nodes.filter(({ kind }) => kind === 'SETTINGS_CHANGED')).toHaveLength(1)
    expect(await update(tenant, { ...input, name: 'Other' })).toMatchObject({ __typename: 'IdempotencyConflictError' })
    const stranger = await fleet.api.user('stranger')
    expect(await update(stranger, { id, name: 'Mine' })).toMatchObject({ __typename: 'NotFoundError' })
    const hidden = await stranger.query(
      'query ($id: ID!) { serverHistory(serverId: $id) { totalCount } installations(serverId: $id) { totalCount } }',
      { id },
    )
    expect(hidden).toEqual({ serverHistory: null, installations: null })
  })
})

type BulkAnswer = {
  __typename: string
  code?: string
  results?: { serverId: string; server: { status: string } | null; command: { kind: string } | null; error: { code: string } | null }[]
}

const bulk = async (client: ThirdParty, mutation: string, input: object): Promise<BulkAnswer> => {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`
  const data = await client.query<Record<string, BulkAnswer>>(
    `mutation ($input: ${type}Input!) { ${mutation}(input: $input) { __typename
      ... on ${type}Success { results { serverId server { status } command { kind } error { code } } } ... on Error { code } } }`,
    { input },
  )
  const answer = data[mutation]
  if (answer === undefined) throw new Error('no answer')
  return answer
}

describe('many at once', () => {
  it('each is decided on its own: one that is refused does not stop the rest', async () => {
    const ready = [await installedServer(fleet, tenant), await installedServer(fleet, tenant)]
    const raw = await createServer(tenant, smallServer(fleet, { nodeId: fleet.node.nodeId }))
    const foreign = await installedServer(fleet)
    const ids = [ready[0], raw, foreign, ready[1], randomUUID(), 'nothing']
    const key = randomUUID()
    const { results } = await bulk(tenant, 'startServers', { ids, idempotencyKey: key })
    expect(results?.map((result) => [result.server?.status ?? null, result.command?.kind ?? null, result.error?.code ?? null])).toEqual([
      ['STARTING', 'START', null],
      [null, null, 'CONFLICT'],
      [null, null, 'NOT_FOUND'],
      ['STARTING', 'START', null],
      [null, null, 'NOT_FOUND'],
      [null, null, 'NOT_FOUND'],
    ])
    expect(results?.map((result) => result.serverId)).toEqual(ids)
    // The same again answers the same, and does nothing twice.
    expect((await bulk(tenant, 'startServers', { ids, idempotencyKey: key })).results).toEqual(results)
    expect(await bulk(tenant, 'startServers', { ids: [raw], idempotencyKey: key })).toMatchObject({
      __typename: 'IdempotencyConflictError',
    })
    for (const mutation of ['stopServers', 'restartServers', 'killServers'])
      expect((await bulk(tenant, mutation, { ids: ready })).results?.map((result) => result.error)).toEqual([null, null])
    const deleted = await bulk(tenant, 'deleteServers', { ids: [...ready, raw] })
    expect(deleted.results?.map((result) => [result.server?.status, result.command, result.error])).toEqual([
      ['DELETING', null, null],
      ['DELETING', null, null],
      ['DELETING', null, null],
    ])
  })

  it.each([
    ['nothing', []],
    ['a server twice', ['x', 'x']],
    ['too many', Array.from({ length: 101 }, (_, index) => String(index))],
  ])('refuses %s', async (_what, ids) => {
    expect(await bulk(tenant, 'stopServers', { ids })).toMatchObject({ __typename: 'ValidationError' })
  })
})

describe('deleting while the node is away', () => {
  const remove = async (client: ThirdParty, input: object) =>
    (
      await client.query<{ deleteServer: { __typename: string } }>(
        'mutation ($input: DeleteServerInput!) { deleteServer(input: $input) { __typename } }',
        { input },
      )
    ).deleteServer.__typename

  it('keeps ports and room until the node has confirmed', async () => {
    const port = [{ name: 'game', port: 25530 }]
    const id = await createServer(tenant, smallServer(fleet, { nodeId: fleet.node.nodeId, ports: port }))
    await fleet.agent.close()
    expect(await remove(tenant, { id })).toBe('DeleteServerSuccess')
    const again = smallServer(fleet, { nodeId: fleet.node.nodeId, ports: port })
    await expect(createServer(tenant, again)).rejects.toThrow('PortUnavailableError')
    // Who looks for it finds it, and sees what it waits for.
    const { servers } = await tenant.query<{ servers: { nodes: { id: string }[] } }>(
      '{ servers(filter: { statuses: [DELETING] }) { nodes { id } } }',
    )
    expect(servers.nodes.map((server) => server.id)).toContain(id)
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
    const told = fleet.agent.orders.flatMap((order) => (order.__typename === 'AssignmentSnapshotOrder' ? order.assignments : []))
    expect(told.find((assignment) => assignment.serverId === id)).toMatchObject({ isRemoved: true })
    await fleet.agent.report(id, { isRemoved: true, generation: 99 })
    expect(await fetchServer(fleet.administrator, await createServer(tenant, again))).not.toBeNull()
  })

  it('by force frees them knowingly, tells who looks on, and tells the node until it has confirmed', async () => {
    const port = [{ name: 'game', port: 25531 }]
    const id = await createServer(tenant, smallServer(fleet, { nodeId: fleet.node.nodeId, ports: port }))
    await fleet.agent.close()
    await remove(tenant, { id })
    await expect(remove(tenant, { id, force: true })).rejects.toThrow('server:force-delete')
    const events = fleet.administrator.iterate<{ serverEvents: { __typename: string; server: { id: string; status: string } } }>(
      'subscription { serverEvents { __typename server { id status } } }',
    )
    const seen: string[] = []
    const gone = (async () => {
      for await (const { serverEvents: event } of events) {
        seen.push(event.server.id)
        if (event.__typename === 'ServerDeletedEvent' && event.server.id === id) return event.server.status
      }
      return null
    })()
    // Nobody is told when a subscription is live: another server is changed until it is.
    const other = await installedOffline()
    for (let number = 0; seen.length === 0; number += 1) await update(fleet.administrator, { id: other, name: `Seen ${String(number)}` })
    expect(await remove(fleet.administrator, { id, force: true })).toBe('DeleteServerSuccess')
    expect(await gone).toBe('DELETING')
    const audit = await fleet.api.sql<{ change: { freedPorts: string[] } }>(
      `select change from "AuditEntry" where action = 'server:force-delete' and "subjectId" = $1`,
      [id],
    )
    expect(audit[0]?.change.freedPorts).toEqual(['192.0.2.1:25531'])
    const heir = await createServer(tenant, smallServer(fleet, { nodeId: fleet.node.nodeId, ports: port }))

    for (let time = 0; time < 2; time += 1) {
      fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
      const told = fleet.agent.orders.flatMap((order) => (order.__typename === 'AssignmentSnapshotOrder' ? order.assignments : []))
      expect(told.find((assignment) => assignment.serverId === id)).toMatchObject({ isRemoved: true, desiredState: 'STOPPED' })
      expect(told.find((assignment) => assignment.serverId === heir)).toMatchObject({ isRemoved: false })
      if (time === 0) await fleet.agent.close()
    }
    await fleet.agent.report(id, { isRemoved: true, generation: 99 })
    expect(await fleet.api.sql('select 1 from "ServerTombstone"')).toEqual([])
  })

  /** Any server that is there, for events. */
  const installedOffline = async (): Promise<string> => {
    const [row] = await fleet.api.sql<{ id: string }>(`select id from "Server" where "deletedAt" is null limit 1`)
    return row?.id ?? ''
  }
})
