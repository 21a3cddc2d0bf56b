import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readConsole } from '../support/console-reader.ts'
import { isCommand, startFakeAgent } from '../support/fake-agent.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { MutationRefused, sendConsoleCommand } from '../support/scenario.ts'
import { createThirdParty } from '../support/third-party.ts'

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
