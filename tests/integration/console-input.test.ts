import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase } from '../../api/src/db/database.ts'
import { forgetConsoleInput } from '../../api/src/modules/commands/command-retention.ts'
import type { Order } from '../support/agent-socket.ts'
import { isCommand } from '../support/fake-agent.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { MutationRefused, sendConsoleCommand } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

let fleet: Fleet
let id: string

beforeAll(async () => {
  fleet = await startFleet()
})
beforeEach(async () => {
  id = await installedServer(fleet)
  await fleet.agent.report(id, { state: 'RUNNING' })
})
afterAll(async () => {
  await fleet.dispose()
})

describe('input', () => {
  it('is answered when the node has written it', async () => {
    const sent = sendConsoleCommand(fleet.administrator, id, 'status')
    const order = await fleet.agent.order(isCommand('CONSOLE_INPUT', id))
    expect(order.consoleInput).toBe('status')
    await fleet.agent.finish(order.id, 'DONE')
    expect(await sent).toBe('DONE')
  })

  it.each([
    ['nothing', ''],
    ['more than 1024 characters', 'x'.repeat(1025)],
    ['a control character', 'say \u0007'],
    ['two lines', 'one\ntwo'],
    ['half a character', 'say \ud83d'],
  ])('refuses %s', async (_what, command) => {
    const error = await sendConsoleCommand(fleet.administrator, id, command).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(MutationRefused)
    expect((error as MutationRefused).answer).toMatchObject({ __typename: 'ValidationError', fields: [{ path: ['command'] }] })
  })
})

/** How an attempt to type a line ended. */
async function attempt(client: ThirdParty, command: string): Promise<string> {
  const { sendConsoleCommand: answer } = await client.query<{ sendConsoleCommand: { __typename: string } }>(
    'mutation ($input: SendConsoleCommandInput!) { sendConsoleCommand(input: $input) { __typename } }',
    { input: { serverId: id, command } },
  )
  return answer.__typename
}

/** A line that a game has got. */
const typed = async (client: ThirdParty, command: string, isPrivate = false) => {
  const sent = client.query('mutation ($input: SendConsoleCommandInput!) { sendConsoleCommand(input: $input) { __typename } }', {
    input: { serverId: id, command, isPrivate },
  })
  const order = await fleet.agent.order(
    (candidate): candidate is Order & { __typename: 'CommandOrder' } =>
      isCommand('CONSOLE_INPUT', id)(candidate) && candidate.consoleInput === command,
  )
  await fleet.agent.finish(order.id, 'DONE')
  await sent
}

describe('what was typed', () => {
  const history = async (client: ThirdParty) => {
    const { consoleCommands } = await client.query<{
      consoleCommands: { nodes: { text: string; actor: string; isPrivate: boolean }[] } | null
    }>('query ($id: ID!) { consoleCommands(serverId: $id) { nodes { text actor isPrivate } } }', { id })
    return consoleCommands?.nodes.map(({ text, actor, isPrivate }) => `${actor}: ${text}${isPrivate ? ' (private)' : ''}`)
  }

  it('is shared, newest first, apart from what is private', async () => {
    const name = `operator-${id.slice(-8)}`
    const operator = await fleet.api.user(name, ['server:read', 'server:read-all', 'console:read', 'console:send'])
    await typed(fleet.administrator, 'status')
    await typed(operator, 'password swordfish', true)
    await typed(operator, 'kick bob')
    expect(await history(operator)).toEqual([`${name}: kick bob`, `${name}: password swordfish (private)`, 'admin: status'])
    expect(await history(fleet.administrator)).toEqual([`${name}: kick bob`, 'admin: status'])
    const audited = await fleet.api.sql<{ change: object }>(
      `select change from "AuditEntry" where action = 'console:send' and "subjectId" = $1 order by "occurredAt"`,
      [id],
    )
    expect(audited.map(({ change }) => change)).toEqual([{ command: 'status' }, { isPrivate: true }, { command: 'kick bob' }])
    expect(await history(await fleet.api.user(`passer-${id.slice(-8)}`))).toBeUndefined()
  })
})

describe('what is forgotten', () => {
  it('is what was typed and has ended, when its console forgets it too', async () => {
    const database = createDatabase(
      fleet.api.databaseUrl,
      { warn: () => undefined } as unknown as Parameters<typeof createDatabase>[1],
      () => undefined,
    )
    const forget = () => forgetConsoleInput(database, new Date())
    const rows = () =>
      fleet.api.sql<{ kind: string; status: string }>('select kind, status from "Command" where "serverId" = $1 order by position', [id])
    const age = (days: number) =>
      fleet.api.sql('update "Command" set "finishedAt" = now() - make_interval(days => $2) where "serverId" = $1', [id, days])
    const installed = { kind: 'INSTALL', status: 'DONE' }
    await typed(fleet.administrator, 'old', true)
    await fleet.api.sql('update "Server" set "consoleRetentionDays" = 10 where id = $1', [id])
    await age(9)
    await forget()
    expect(await rows()).toEqual([installed, { kind: 'CONSOLE_INPUT', status: 'DONE' }])
    await age(11)
    await forget()
    expect(await rows()).toEqual([installed])
    await fleet.api.sql(
      `insert into "Command" (id, "nodeId", "serverId", kind, generation, deadline, "actorName", "createdAt")
       values (gen_random_uuid(), $1, $2, 'CONSOLE_INPUT', 1, now() + interval '1 hour', 'x', now() - interval '11 days')`,
      [fleet.node.nodeId, id],
    )
    await forget()
    expect(await rows()).toEqual([installed, { kind: 'CONSOLE_INPUT', status: 'PENDING' }])
    await database.close()
  })
})

describe('limits of typing', () => {
  it('count for all who type into one server', async () => {
    // Refused after it was counted.
    await fleet.agent.report(id, { state: 'STOPPED' })
    const names: string[] = []
    for (let person = 0; person < 6; person += 1) {
      const client = await fleet.api.user(`typist-${String(person)}-${id.slice(-8)}`, ['server:read', 'server:read-all', 'console:send'])
      const answers = await Promise.all(Array.from({ length: 20 }, () => attempt(client, 'status')))
      names.push(...answers)
    }
    const counts = Map.groupBy(names, (name) => name)
    expect([...counts.keys()].toSorted()).toEqual(['RateLimitedError', 'StateConflictError'])
    expect(counts.get('StateConflictError')!.length).toBeGreaterThanOrEqual(100)
  })

  it('count for each person', async () => {
    const names = await Promise.all(Array.from({ length: 22 }, () => attempt(fleet.administrator, '\u0007')))
    expect(names.filter((name) => name === 'RateLimitedError')).toHaveLength(2)
  })
})
