import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
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
  ])('refuses %s', async (_what, command) => {
    const error = await sendConsoleCommand(fleet.administrator, id, command).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(MutationRefused)
    expect((error as MutationRefused).answer).toMatchObject({ __typename: 'ValidationError', fields: [{ path: ['command'] }] })
  })
})

describe('what was typed', () => {
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

describe('limits of typing', () => {
  it('count for each person, and for all together', async () => {
    const answers = await Promise.all(
      Array.from({ length: 22 }, () =>
        fleet.administrator.query<{ sendConsoleCommand: { __typename: string } }>(
          'mutation ($input: SendConsoleCommandInput!) { sendConsoleCommand(input: $input) { __typename } }',
          { input: { serverId: id, command: '\u0007' } },
        ),
      ),
    )
    const names = answers.map((answer) => answer.sendConsoleCommand.__typename)
    expect(names.filter((name) => name === 'RateLimitedError')).toHaveLength(2)
  })
})
