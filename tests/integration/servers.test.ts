import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAssignment, isCommand } from '../support/fake-agent.ts'
import { installedServer, smallServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { createServer, deleteServer, MutationRefused, power, sendConsoleCommand } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'

let fleet: Fleet
let tenant: ThirdParty
let stranger: ThirdParty

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25539 })
  tenant = await fleet.api.user('tenant')
  stranger = await fleet.api.user('stranger')
})

afterAll(async () => {
  await fleet.dispose()
})

/** The typed error of a refused mutation. */
async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof MutationRefused) return error.answer
  throw error instanceof Error ? error : new Error('it was not refused')
}

describe('creating', () => {
  it.each([
    ['an empty name', { name: '  ' }, ['name']],
    ['a long name', { name: 'x'.repeat(65) }, ['name']],
    ['too little memory', { memoryMiB: 1 }, ['memoryMiB']],
    ['a negative processor share', { cpuPercent: -5 }, ['cpuPercent']],
    ['no disk', { diskMiB: 0 }, ['diskMiB']],
    ['an unknown port', { ports: [{ name: 'nothing', port: 25500 }] }, ['ports', '0', 'name']],
    ['an unknown variable', { variables: [{ name: 'NOTHING', value: '1' }] }, ['variables', '0', 'name']],
    ['an id that is none', { templateId: 'x' }, ['templateId']],
  ])('refuses %s with the path of the field', async (_what, change, path) => {
    const answer = await refusal(createServer(tenant, smallServer(fleet, change)))
    expect(answer).toMatchObject({ __typename: 'ValidationError', code: 'VALIDATION' })
    expect(answer.fields?.map((field) => field.path)).toContainEqual(path)
  })

  it('refuses an unknown template and a server for somebody else', async () => {
    expect(await refusal(createServer(tenant, smallServer(fleet, { templateId: randomUUID() })))).toMatchObject({
      __typename: 'NotFoundError',
    })
    const [other] = await fleet.api.sql<{ id: string }>(`select id from "User" where username = 'stranger'`)
    const document = 'mutation ($input: CreateServerInput!) { createServer(input: $input) { __typename } }'
    await expect(tenant.query(document, { input: { ...smallServer(fleet), ownerId: other?.id } })).rejects.toThrow('FORBIDDEN')
  })

  it('gives racing requests different ports and sells no memory twice', async () => {
    const free = await fleet.api.sql<{ memoryMiB: number; used: number }>(
      `select n."memoryMiB", coalesce(sum(s."memoryMiB"), 0)::int as used from "Node" n left join "Server" s on s."nodeId" = n.id group by n.id`,
    )
    const room = (free[0]?.memoryMiB ?? 0) - (free[0]?.used ?? 0)
    const each = Math.floor(room / 3)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, (_, index) => createServer(tenant, smallServer(fleet, { name: `Race ${String(index)}`, memoryMiB: each }))),
    )
    const made = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as MutationRefused] : []))
    expect(made).toHaveLength(3)
    expect(refused.map((error) => error.answer.__typename)).toEqual(['CapacityError', 'CapacityError', 'CapacityError'])
    const servers = await Promise.all(made.map((id) => fetchServer(tenant, id)))
    const ports = servers.flatMap((server) => server?.allocations.map((allocation) => allocation.port) ?? [])
    expect(new Set(ports).size).toBe(ports.length)
    for (const id of made) {
      await deleteServer(tenant, id)
      await fleet.agent.report(id, { isRemoved: true, generation: 99 })
    }
  })

  it('refuses a chosen port that another server has, and names the next free one', async () => {
    const ports = [{ name: 'game', port: 25530 }]
    const first = await createServer(tenant, smallServer(fleet, { ports }))
    const answer = await refusal(createServer(tenant, smallServer(fleet, { ports })))
    expect(answer).toMatchObject({ __typename: 'PortUnavailableError', code: 'PORT_UNAVAILABLE' })
    expect(await refusal(createServer(tenant, smallServer(fleet, { ports: [{ name: 'game', port: 22 }] })))).toMatchObject({
      __typename: 'PortUnavailableError',
    })
    await deleteServer(tenant, first)
    await fleet.agent.report(first, { isRemoved: true, generation: 99 })
    // The node has confirmed: the port is free again.
    const again = await createServer(tenant, smallServer(fleet, { ports }))
    expect((await fetchServer(tenant, again))?.allocations[0]?.port).toBe(25530)
  })

  it('answers a repeated request with the same server, also when both come at once', async () => {
    const input = smallServer(fleet, { name: 'Once', idempotencyKey: randomUUID() })
    const ids = await Promise.all([createServer(tenant, input), createServer(tenant, input), createServer(tenant, input)])
    expect(new Set(ids).size).toBe(1)
    expect(await createServer(tenant, input)).toBe(ids[0])
    expect(await refusal(createServer(tenant, { ...input, name: 'Other' }))).toMatchObject({ __typename: 'IdempotencyConflictError' })
  })
})

describe('life', () => {
  it('installs, starts and stops as the node reports, and never says more than that', async () => {
    const id = await createServer(tenant, smallServer(fleet, { start: true }))
    expect(await fetchServer(tenant, id)).toMatchObject({ status: 'INSTALLING', activity: 'INSTALLING' })
    expect(await refusal(power(tenant, 'start', id))).toMatchObject({ __typename: 'StateConflictError' })
    const install = await fleet.agent.order(isCommand('INSTALL', id))
    await fleet.agent.install(id, install.id, 'RUNNING', 'first line\n')
    await fleet.agent.install(id, install.id, 'SUCCEEDED', 'first line\nsecond line\n')
    const { assignment } = await fleet.agent.order(isAssignment(id, 2))
    expect(assignment).toMatchObject({ desiredState: 'RUNNING', isInstalled: true })
    expect(await fetchServer(tenant, id)).toMatchObject({ status: 'STARTING', state: 'STOPPED', desiredState: 'RUNNING' })
    await fleet.agent.report(id, { state: 'RUNNING', generation: 2 })
    expect(await fetchServer(tenant, id)).toMatchObject({ status: 'RUNNING', state: 'RUNNING' })
    const log = await tenant.query<{ server: { installation: { status: string; log: string } } }>(
      'query ($id: ID!) { server(id: $id) { installation { status log } } }',
      { id },
    )
    expect(log.server.installation).toEqual({ status: 'SUCCEEDED', log: 'first line\nsecond line\n' })

    await power(tenant, 'stop', id)
    expect(await fetchServer(tenant, id)).toMatchObject({ status: 'STOPPING', state: 'RUNNING', desiredState: 'STOPPED' })
    await fleet.agent.report(id, {
      state: 'STOPPED',
      generation: 3,
      lastExit: { code: 0, reason: 'STOPPED', at: new Date().toISOString() },
    })
    expect(await fetchServer(tenant, id)).toMatchObject({ status: 'STOPPED', lastExit: { code: 0, reason: 'STOPPED' } })
  })

  it('ends the wish of a game that crashed for good, and shows why', async () => {
    const id = await installedServer(fleet, tenant)
    await power(tenant, 'start', id)
    const { assignment } = await fleet.agent.order(isAssignment(id, 2))
    await fleet.agent.report(id, {
      state: 'CRASHED',
      isSettled: true,
      generation: assignment.generation,
      lastExit: { code: 139, reason: 'CRASHED', at: new Date().toISOString() },
    })
    expect(await fetchServer(tenant, id)).toMatchObject({
      status: 'CRASHED',
      desiredState: 'STOPPED',
      lastExit: { code: 139, reason: 'CRASHED' },
    })
    await power(tenant, 'start', id)
    // A report that was on its way when the new wish came ends nothing.
    await fleet.agent.report(id, {
      state: 'ERROR',
      isSettled: true,
      generation: assignment.generation,
      problem: { code: 'PORT_IN_USE', message: 'old' },
    })
    expect(await fetchServer(tenant, id)).toMatchObject({ desiredState: 'RUNNING', problem: null })
  })

  it('shows a failed install with its problem and lets it be tried again', async () => {
    const id = await createServer(tenant, smallServer(fleet))
    const install = await fleet.agent.order(isCommand('INSTALL', id))
    await fleet.agent.install(id, install.id, 'FAILED', 'no such package\n')
    expect(await fetchServer(tenant, id)).toMatchObject({ status: 'NOT_INSTALLED', activity: 'NONE', problem: { code: 'INSTALL_FAILED' } })
    expect(await refusal(power(tenant, 'start', id))).toMatchObject({ __typename: 'StateConflictError' })
    await tenant.query('mutation ($input: InstallServerInput!) { installServer(input: $input) { __typename } }', { input: { id } })
    expect(await fetchServer(tenant, id)).toMatchObject({ status: 'INSTALLING', problem: null })
  })

  it('says unknown while the node is away, and the truth again afterwards', async () => {
    const other = await startFleet()
    const id = await installedServer(other)
    await power(other.administrator, 'start', id)
    await other.agent.report(id, { state: 'RUNNING', generation: 2 })
    await other.agent.close()
    await expect.poll(async () => (await fetchServer(other.administrator, id))?.status, { timeout: 5000 }).toBe('UNKNOWN')
    expect(await refusal(sendConsoleCommand(other.administrator, id, 'status'))).toMatchObject({ __typename: 'NodeOfflineError' })
    await other.dispose()
  })
})

describe('rights', () => {
  const MUTATIONS = ['startServer', 'stopServer', 'restartServer', 'killServer', 'installServer', 'abortInstallation', 'deleteServer']

  it('hides servers of others in every query, mutation and subscription', async () => {
    const id = await installedServer(fleet, tenant)
    expect(await fetchServer(stranger, id)).toBeNull()
    const list = await stranger.query<{ servers: { totalCount: number }; serverCounts: object[] }>(
      '{ servers { totalCount } serverCounts { count } }',
    )
    expect(list).toEqual({ servers: { totalCount: 0 }, serverCounts: [] })
    for (const mutation of MUTATIONS) {
      const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`
      const data = await stranger.query<Record<string, { __typename: string }>>(
        `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`,
        { input: { id } },
      )
      expect(data[mutation]?.__typename).toBe('NotFoundError')
    }
    expect(await refusal(sendConsoleCommand(stranger, id, 'status'))).toMatchObject({ __typename: 'NotFoundError' })
    for (const field of ['serverEvents', 'consoleEvents', 'serverMetrics', 'installationEvents']) {
      const events = stranger.iterate(`subscription ($id: ID!) { ${field}(serverId: $id) { __typename } }`, { id })
      await expect(events.next()).rejects.toThrow('NOT_FOUND')
    }
  })

  it('refuses whoever lacks the permission, on HTTP and on the socket', async () => {
    const reader = await fleet.api.user('reader', ['server:read'])
    for (const mutation of MUTATIONS) {
      const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`
      const document = `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`
      await expect(reader.query(document, { input: { id: randomUUID() } })).rejects.toThrow('FORBIDDEN')
      await expect(reader.iterate(document, { input: { id: randomUUID() } }).next()).rejects.toThrow('FORBIDDEN')
    }
    await expect(
      reader.iterate('subscription ($id: ID!) { consoleEvents(serverId: $id) { from } }', { id: randomUUID() }).next(),
    ).rejects.toThrow('FORBIDDEN')
  })

  it('writes who did what in the same transaction', async () => {
    const id = await installedServer(fleet, tenant)
    await power(tenant, 'start', id)
    const rows = await fleet.api.sql<{ action: string; actorName: string }>(
      'select action, "actorName" from "AuditEntry" where "subjectId" = $1 order by "occurredAt"',
      [id],
    )
    expect(rows).toEqual([
      { action: 'server:create', actorName: 'tenant' },
      { action: 'server:start', actorName: 'tenant' },
    ])
  })
})
