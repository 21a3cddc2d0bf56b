import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAssignment, isCommand, startFakeAgent } from '../support/fake-agent.ts'
import { installedServer, smallServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { createServer, type MutationRefused, power } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25539 })
})

afterAll(async () => {
  await fleet.dispose()
})

type CommandRow = { kind: string; status: string; generation: number; errorCode: string | null }

const commandsOf = (id: string) =>
  fleet.api.sql<CommandRow>(
    `select kind, status, generation, "errorCode" from "Command" where "serverId" = $1 and kind <> 'INSTALL' order by position`,
    [id],
  )

const kindsOf = async (id: string): Promise<string[]> =>
  (
    await fleet.administrator.query<{ serverHistory: { nodes: { kind: string }[] } }>(
      'query ($id: ID!) { serverHistory(serverId: $id) { nodes { kind } } }',
      { id },
    )
  ).serverHistory.nodes.map(({ kind }) => kind)

/** Looks at expired commands now: a starting api does so first. */
async function expireNow(where: string): Promise<void> {
  await fleet.api.sql(`update "Command" set deadline = now() - interval '1 second' where status in ('PENDING', 'SENT') and ${where}`)
  await fleet.api.restart()
  fleet.administrator = await fleet.api.administrator()
}

const waiting = async (id: string) =>
  (
    await fleet.administrator.query<{
      server: { status: string; waitingCommand: { kind: string; expires: boolean; isWaitingForNode: boolean } | null }
    }>('query ($id: ID!) { server(id: $id) { status waitingCommand { kind expires isWaitingForNode } } }', { id })
  ).server

describe('wishes at once', () => {
  it('two operators pressing start and stop get one truthful outcome each', async () => {
    const second = await fleet.api.administrator()
    for (let round = 0; round < 8; round += 1) {
      const id = await installedServer(fleet)
      const outcomes = await Promise.allSettled([power(fleet.administrator, 'start', id), power(second, 'stop', id)])
      const [start, stop] = outcomes
      // Nothing runs yet, so a stop that came first is refused; one that came second takes the start back.
      expect(start.status).toBe('fulfilled')
      const rows = await commandsOf(id)
      const server = await fetchServer(fleet.administrator, id)
      if (stop.status === 'rejected') {
        expect((stop.reason as MutationRefused).answer).toMatchObject({ __typename: 'StateConflictError' })
        expect(rows.map(({ kind, status }) => [kind, status === 'SUPERSEDED'])).toEqual([['START', false]])
        expect(server?.desiredState).toBe('RUNNING')
      } else {
        expect(rows.map(({ kind, status }) => [kind, status === 'SUPERSEDED'])).toEqual([
          ['START', true],
          ['STOP', false],
        ])
        expect(server?.desiredState).toBe('STOPPED')
      }
      expect((await kindsOf(id)).filter((kind) => kind === 'START' || kind === 'STOP')).toHaveLength(rows.length)
      const audit = await fleet.api.sql(`select 1 from "AuditEntry" where "subjectId" = $1 and action in ('server:start', 'server:stop')`, [
        id,
      ])
      expect(audit).toHaveLength(rows.length)
    }
  })

  it('many operators: generations grow one by one, and only the newest wish is open', async () => {
    const id = await installedServer(fleet)
    const verbs = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? ('restart' as const) : ('kill' as const)))
    await Promise.allSettled(verbs.map((verb) => power(fleet.administrator, verb, id)))
    const rows = await commandsOf(id)
    expect(rows.map(({ generation }) => generation)).toEqual(rows.map((_, index) => index + 2))
    // A kill that the agent has is carried out; of restarts only the newest wish is left.
    const last = rows.at(-1)
    expect(rows.filter(({ kind, status }) => kind === 'RESTART' && status !== 'SUPERSEDED')).toHaveLength(last?.kind === 'RESTART' ? 1 : 0)
    expect((await fetchServer(fleet.administrator, id))?.desiredState).toBe(last?.kind === 'RESTART' ? 'RUNNING' : 'STOPPED')
  })
})

describe('a kill', () => {
  it('is told with the wish, so that no game is asked to stop first; a stop is none', async () => {
    const id = await installedServer(fleet)
    await power(fleet.administrator, 'start', id)
    await power(fleet.administrator, 'kill', id)
    const wishes = () =>
      fleet.agent.orders.flatMap((told) =>
        told.__typename === 'AssignmentOrder' && told.assignment.serverId === id ? [told.assignment] : [],
      )
    await expect.poll(() => wishes().at(-1)).toMatchObject({ generation: 3, desiredState: 'STOPPED', isKill: true })
    await power(fleet.administrator, 'start', id)
    await power(fleet.administrator, 'stop', id)
    await expect.poll(() => wishes().at(-1)).toMatchObject({ generation: 5, desiredState: 'STOPPED', isKill: false })
  })
})

describe('idempotency', () => {
  it('answers a repeated power order with the same command, and refuses the key for another server', async () => {
    const id = await installedServer(fleet)
    const other = await installedServer(fleet)
    const start = (server: string, idempotencyKey: string) =>
      fleet.administrator
        .query<{ startServer: { __typename: string; command?: { id: string } } }>(
          'mutation ($input: StartServerInput!) { startServer(input: $input) { __typename ... on StartServerSuccess { command { id } } } }',
          { input: { id: server, idempotencyKey } },
        )
        .then((data) => data.startServer)
    const key = randomUUID()
    const answers = await Promise.all([start(id, key), start(id, key), start(id, key)])
    expect(new Set(answers.map((answer) => answer.command?.id)).size).toBe(1)
    expect(answers[0].command?.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(await start(other, key)).toEqual({ __typename: 'IdempotencyConflictError' })
    expect(await commandsOf(id)).toHaveLength(1)
  })
})

describe('a node that is away', () => {
  it('start waits without end, stop takes it back, and the newest wish comes true when the node is back', async () => {
    const id = await installedServer(fleet)
    await fleet.agent.close()
    await expect.poll(async () => (await waiting(id)).status, { timeout: 5000 }).toBe('UNKNOWN')
    expect((await waiting(id)).waitingCommand).toBeNull()
    await power(fleet.administrator, 'start', id)
    expect((await waiting(id)).waitingCommand).toEqual({ kind: 'START', expires: false, isWaitingForNode: true })
    await expireNow(`"serverId" = '${id}'`)
    expect((await waiting(id)).waitingCommand).toMatchObject({ kind: 'START' })
    await power(fleet.administrator, 'stop', id)
    expect((await waiting(id)).waitingCommand).toMatchObject({ kind: 'STOP', expires: false })
    await power(fleet.administrator, 'start', id)
    expect((await commandsOf(id)).map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'START SUPERSEDED',
      'STOP SUPERSEDED',
      'START PENDING',
    ])
    await fleet.api.sql(`update "Command" set deadline = now() - interval '1 hour' where "serverId" = $1`, [id])

    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
    const snapshot = fleet.agent.orders.flatMap((order) => (order.__typename === 'AssignmentSnapshotOrder' ? order.assignments : []))
    expect(snapshot.find((assignment) => assignment.serverId === id)).toMatchObject({ desiredState: 'RUNNING', generation: 4 })
    // Its time begins with the node's coming back.
    const [row] = await fleet.api.sql<{ isAhead: boolean }>(
      `select deadline > now() + interval '5 minutes' as "isAhead" from "Command" where "serverId" = $1 and status = 'PENDING'`,
      [id],
    )
    expect(row?.isAhead).toBe(true)
    await fleet.agent.report(id, { state: 'RUNNING', generation: 4 })
    expect((await commandsOf(id)).at(-1)).toMatchObject({ kind: 'START', status: 'DONE' })
    expect(await waiting(id)).toEqual({ status: 'RUNNING', waitingCommand: null })
  })

  it('a restart expires, and leaves no wish behind', async () => {
    const id = await installedServer(fleet)
    await fleet.agent.close()
    await expect.poll(async () => (await waiting(id)).status, { timeout: 5000 }).toBe('UNKNOWN')
    await power(fleet.administrator, 'restart', id)
    expect((await waiting(id)).waitingCommand).toEqual({ kind: 'RESTART', expires: true, isWaitingForNode: true })
    await expireNow(`"serverId" = '${id}'`)
    await expect.poll(async () => (await commandsOf(id)).at(-1)?.status).toBe('EXPIRED')
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ desiredState: 'STOPPED' })
    expect((await kindsOf(id))[0]).toBe('COMMAND_EXPIRED')
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
    expect(fleet.agent.orders.some(isCommand('RESTART', id))).toBe(false)
  })

  it('an install that nobody has begun can be cancelled, one that nobody begins ends by itself', async () => {
    await fleet.agent.close()
    const [first, second] = [
      await createServer(fleet.administrator, smallServer(fleet, { nodeId: fleet.node.nodeId })),
      await createServer(fleet.administrator, smallServer(fleet, { nodeId: fleet.node.nodeId })),
    ]
    const { abortInstallation } = await fleet.administrator.query<{ abortInstallation: { command: { status: string } } }>(
      'mutation ($input: AbortInstallationInput!) { abortInstallation(input: $input) { ... on AbortInstallationSuccess { command { status } } } }',
      { input: { id: first } },
    )
    expect(abortInstallation.command.status).toBe('DONE')
    expect(await fetchServer(fleet.administrator, first)).toMatchObject({
      status: 'NOT_INSTALLED',
      activity: 'NONE',
      problem: { code: 'INSTALL_ABORTED' },
    })
    await expireNow(`"serverId" = '${second}'`)
    await expect
      .poll(async () => fetchServer(fleet.administrator, second))
      .toMatchObject({ status: 'NOT_INSTALLED', activity: 'NONE', problem: { code: 'INSTALL_FAILED' } })
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
  })
})

describe('an install that ends', () => {
  it('by failing leaves what was installed, and its log can be read later', async () => {
    const id = await installedServer(fleet)
    await fleet.administrator.query('mutation ($input: InstallServerInput!) { installServer(input: $input) { __typename } }', {
      input: { id },
    })
    const assigned = await fleet.agent.order(isAssignment(id, 2))
    expect(assigned.assignment.isInstalled).toBe(true)
    const order = fleet.agent.orders.filter(isCommand('INSTALL', id)).at(-1)
    await expect.poll(() => fleet.agent.orders.filter(isCommand('INSTALL', id)).length).toBe(2)
    const reinstall = fleet.agent.orders.filter(isCommand('INSTALL', id)).at(-1) ?? order
    await fleet.agent.install(id, reinstall?.id ?? '', 'FAILED', 'no space left\n')
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ status: 'STOPPED', problem: { code: 'INSTALL_FAILED' } })
    // What the agent sees afterwards does not take the problem away; a start does.
    await fleet.agent.report(id, { state: 'STOPPED', generation: 2 })
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ problem: { code: 'INSTALL_FAILED' } })
    await power(fleet.administrator, 'start', id)
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ problem: null, status: 'STARTING' })

    const document = `query ($id: ID!, $after: String) { installations(serverId: $id, first: 1, after: $after) {
      totalCount nodes { status log exitCode } pageInfo { endCursor hasNextPage } } }`
    type Page = {
      installations: {
        totalCount: number
        nodes: { status: string; log: string; exitCode: number | null }[]
        pageInfo: { endCursor: string; hasNextPage: boolean }
      }
    }
    const newest = await fleet.administrator.query<Page>(document, { id })
    expect(newest.installations).toMatchObject({ totalCount: 2, nodes: [{ status: 'FAILED', log: 'no space left\n', exitCode: 3 }] })
    const older = await fleet.administrator.query<Page>(document, { id, after: newest.installations.pageInfo.endCursor })
    expect(older.installations).toMatchObject({ nodes: [{ status: 'SUCCEEDED', log: 'built\n' }], pageInfo: { hasNextPage: false } })
  })

  it('after it had expired still counts: it is what is on the disk', async () => {
    const id = await createServer(fleet.administrator, smallServer(fleet, { nodeId: fleet.node.nodeId }))
    const install = await fleet.agent.order(isCommand('INSTALL', id))
    await fleet.agent.close()
    await expireNow(`"serverId" = '${id}'`)
    await expect.poll(async () => (await fetchServer(fleet.administrator, id))?.problem?.code).toBe('INSTALL_FAILED')
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
    await fleet.agent.install(id, install.id, 'SUCCEEDED', 'built\n')
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ status: 'STOPPED', problem: null })
  })
})
