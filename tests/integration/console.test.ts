import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readConsole } from '../support/console-reader.ts'
import { isCommand, startFakeAgent } from '../support/fake-agent.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { sendConsoleCommand } from '../support/scenario.ts'
import { createThirdParty, type ThirdParty } from '../support/third-party.ts'

let fleet: Fleet
let id: string

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25599 })
  // A server for each test.
  await fleet.api.sql('update "Node" set "cpuOvercommitPercent" = 1000, "memoryOvercommitPercent" = 1000')
})

beforeEach(async () => {
  id = await installedServer(fleet)
  await fleet.agent.report(id, { state: 'RUNNING' })
})

afterAll(async () => {
  await fleet.dispose()
})

const connect = () => createThirdParty(fleet.api.url, fleet.administrator.token)
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `line ${String(from + index)}\n`).join('')

async function firstEvent(variables: object) {
  const events = fleet.administrator.iterate<{ consoleEvents: { from: number; to: number; text: string } }>(
    'subscription ($id: ID!, $after: SafeInt, $tail: Int) { consoleEvents(serverId: $id, after: $after, tailLines: $tail) { from to ... on ConsoleChunk { text } } }',
    { id, ...variables },
  )
  const { value } = await events.next()
  await events.return(undefined)
  return value?.consoleEvents
}

describe('positions', () => {
  it('gives the last lines, everything, or what follows a position', async () => {
    const text = lines(0, 500)
    await fleet.agent.pushConsole(id, 0, text)
    expect(await firstEvent({ tail: 3 })).toMatchObject({ text: lines(497, 500), to: Buffer.byteLength(text) })
    expect(await firstEvent({ after: 0 })).toMatchObject({ from: 0, text })
    expect(await firstEvent({ after: 14 })).toMatchObject({ from: 14, text: text.slice(14) })
  })

  it('trims what it has, refuses a hole and says where to go on', async () => {
    await fleet.agent.pushConsole(id, 0, 'abc\n')
    expect(await fleet.agent.pushConsole(id, 2, 'c\ndef\n')).toEqual({ acknowledged: 8, expected: 8 })
    expect(await fleet.agent.pushConsole(id, 20, 'lost\n')).toMatchObject({ expected: 8 })
    const reader = readConsole(connect, id)
    expect(await reader.until((output) => output.endsWith('def\n'), 5000)).toBe('abc\ndef\n')
    expect(reader.violations).toEqual([])
    await reader.stop()
  })

  it('keeps history and viewers in one unbroken chain through restarts of the api and the agent', async () => {
    const reader = readConsole(connect, id)
    await fleet.agent.pushConsole(id, 0, lines(0, 100))
    await reader.until((output) => output.includes('line 99\n'), 10_000)
    const end = Buffer.byteLength(lines(0, 100))
    await fleet.agent.close()
    await fleet.api.restart()
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
    fleet.administrator = await fleet.api.administrator()
    const snapshot = fleet.agent.orders.flatMap((order) => (order.__typename === 'AssignmentSnapshotOrder' ? order.assignments : []))
    expect(snapshot.find((assignment) => assignment.serverId === id)?.consolePosition).toBe(end)
    await fleet.agent.pushConsole(id, end, lines(100, 200))
    const output = await reader.until((text) => text.includes('line 199\n'), 10_000)
    expect(output).toBe(lines(0, 200))
    expect(reader.violations).toEqual([])
    await reader.stop()
  })

  it.each([{ after: -1 }, { tail: -1 }, { tail: 10_001 }])('refuses %j', async (variables) => {
    await expect(firstEvent(variables)).rejects.toThrow('VALIDATION')
  })
})

describe('settings', () => {
  const update = (input: object, client: ThirdParty = fleet.administrator) =>
    client.query<{ updateConsoleSettings: { __typename: string; fields?: { path: string[] }[] } }>(
      `mutation ($input: UpdateConsoleSettingsInput!) { updateConsoleSettings(input: $input) {
        __typename ... on ValidationError { fields { path } } } }`,
      { input: { serverId: id, ...input } },
    )

  it('are those of a new server until somebody changes them', async () => {
    const read = async () =>
      (
        await fleet.administrator.query<{ server: { consoleSettings: object } }>(
          'query ($id: ID!) { server(id: $id) { consoleSettings { retentionMiB retentionDays isTerminal floodLinesPerSecond floodBytesPerSecond } } }',
          { id },
        )
      ).server.consoleSettings
    const first = { retentionMiB: 256, retentionDays: 90, isTerminal: false, floodLinesPerSecond: 20_000, floodBytesPerSecond: 4_194_304 }
    expect(await read()).toEqual(first)
    expect((await update({ retentionMiB: 10, isTerminal: true })).updateConsoleSettings.__typename).toBe('UpdateConsoleSettingsSuccess')
    expect(await read()).toEqual({ ...first, retentionMiB: 10, isTerminal: true })
    const { serverHistory } = await fleet.administrator.query<{ serverHistory: { nodes: { kind: string; change: object[] }[] } }>(
      'query ($id: ID!) { serverHistory(serverId: $id, first: 1) { nodes { kind change { setting before after } } } }',
      { id },
    )
    expect(serverHistory.nodes[0]).toEqual({
      kind: 'SETTINGS_CHANGED',
      change: [
        { setting: 'retentionMiB', before: '256', after: '10' },
        { setting: 'isTerminal', before: 'false', after: 'true' },
      ],
    })
  })

  it('let control characters through to a terminal, but never a second line', async () => {
    await update({ isTerminal: true })
    const sent = sendConsoleCommand(fleet.administrator, id, '\u0003')
    const order = await fleet.agent.order(isCommand('CONSOLE_INPUT', id))
    expect(order.consoleInput).toBe('\u0003')
    await fleet.agent.finish(order.id, 'DONE')
    expect(await sent).toBe('DONE')
    for (const command of ['a\nb', 'a\rb', 'a\0b'])
      await expect(sendConsoleCommand(fleet.administrator, id, command)).rejects.toMatchObject({
        answer: { fields: [{ path: ['command'] }] },
      })
  })

  it.each([
    ['retentionMiB', 0],
    ['retentionMiB', 65_537],
    ['retentionDays', 0],
    ['retentionDays', 3651],
    ['floodLinesPerSecond', 99],
    ['floodLinesPerSecond', 1_000_001],
    ['floodBytesPerSecond', 65_535],
    ['floodBytesPerSecond', 2 ** 30 + 1],
  ])('refuse %s of %i', async (name, value) => {
    expect((await update({ [name]: value })).updateConsoleSettings).toMatchObject({
      __typename: 'ValidationError',
      fields: [{ path: [name] }],
    })
  })

  it('are not for those who may not change servers', async () => {
    const reader = await fleet.api.user(`reader-${id.slice(-8)}`, ['server:read', 'server:read-all'])
    await expect(update({ retentionMiB: 10 }, reader)).rejects.toThrow('FORBIDDEN')
    const stranger = await fleet.api.user(`other-${id.slice(-8)}`, ['server:read', 'server:update'])
    expect((await update({ retentionMiB: 10 }, stranger)).updateConsoleSettings.__typename).toBe('NotFoundError')
  })
})
