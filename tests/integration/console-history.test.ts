import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import type { ThirdParty } from '../support/third-party.ts'

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

type Event = { __typename: string; from: number; to: number; text?: string; reason?: string }
type PageInfo = { startCursor: number; endCursor: number; hasPreviousPage: boolean; hasNextPage: boolean }
type PageOf<Node> = { nodes: Node[]; pageInfo: PageInfo }

const CURSORS = 'pageInfo { startCursor endCursor hasPreviousPage hasNextPage }'
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `line ${String(from + index)} ü\n`).join('')
const bytesOf = (text: string) => Buffer.byteLength(text)

async function page(args: string, client: ThirdParty = fleet.administrator) {
  const data = await client.query<{ console: PageOf<Event> | null }>(
    `query ($id: ID!) { console(serverId: $id, ${args}) {
      nodes { __typename from to ... on ConsoleChunk { text } ... on ConsoleGap { reason } } ${CURSORS} } }`,
    { id },
  )
  const found = data.console
  return found === null ? null : { ...found, text: found.nodes.map((node) => node.text ?? `<${node.reason ?? ''}>`).join('') }
}

async function search(args: string, client: ThirdParty = fleet.administrator) {
  const { searchConsole } = await client.query<{ searchConsole: PageOf<{ position: number; at: string; text: string }> | null }>(
    `query ($id: ID!) { searchConsole(serverId: $id, ${args}) { nodes { position at text } ${CURSORS} } }`,
    { id },
  )
  return searchConsole
}

/** What a refused query says. */
const refusal = async (query: Promise<unknown>) => String(await query.catch((error: unknown) => error))

describe('pages', () => {
  it('go back and forth by position without losing or repeating a line', async () => {
    const whole = lines(0, 300)
    await fleet.agent.pushConsole(id, 0, lines(0, 200))
    // The newest lines are not on the disk yet.
    const pending = fleet.agent.pushConsole(id, bytesOf(lines(0, 200)), lines(200, 300))
    let text = ''
    let before: number | null = null
    for (let reads = 0; reads < 10; reads += 1) {
      const found = await page(before === null ? 'lines: 70' : `before: ${String(before)}, lines: 70`)
      text = (found?.text ?? '') + text
      before = found?.pageInfo.startCursor ?? 0
      if (found?.pageInfo.hasPreviousPage !== true) break
    }
    expect(text).toBe(whole)
    await pending

    text = ''
    let after = 0
    for (let reads = 0; reads < 10; reads += 1) {
      const found = await page(`after: ${String(after)}, lines: 70`)
      text += found?.text ?? ''
      after = found?.pageInfo.endCursor ?? 0
      if (found?.pageInfo.hasNextPage !== true) break
    }
    expect(text).toBe(whole)
  })

  it('begin at a time', async () => {
    await fleet.agent.pushConsole(id, 0, 'old\n')
    const { at } = (await search('text: "old"'))!.nodes[0]!
    // Times have milliseconds: what comes next has another one.
    await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(Date.parse(at))
    await fleet.agent.pushConsole(id, 4, 'new\n')
    expect((await page(`at: "${new Date(Date.parse(at) + 1).toISOString()}"`))?.text).toBe('new\n')
    expect((await page(`at: "${at}"`))?.text).toBe('old\nnew\n')
    expect((await page('at: "2100-01-01T00:00:00Z"'))?.nodes).toEqual([])
  })

  it('tell what follows a place before everything', async () => {
    await fleet.agent.pushConsole(id, 0, lines(0, 3))
    const found = await page('before: 0')
    expect(found?.nodes).toEqual([])
    expect(found?.pageInfo).toMatchObject({ hasPreviousPage: false, hasNextPage: true })
    expect((await page(`after: ${String(bytesOf(lines(0, 3)))}`))?.pageInfo).toMatchObject({ hasPreviousPage: true, hasNextPage: false })
  })

  it('are bounded in bytes, also for a line without end', async () => {
    const endless = 'ü'.repeat(400_000)
    await Promise.all([fleet.agent.pushConsole(id, 0, endless), fleet.agent.pushConsole(id, bytesOf(endless), endless)])
    const found = await page('lines: 1')
    expect(bytesOf(found?.text ?? '')).toBeLessThanOrEqual(2 ** 20)
    expect(found?.text).not.toContain('\uFFFD')
    const first = await page('after: 0, lines: 1')
    expect(first?.pageInfo).toMatchObject({ hasNextPage: true, startCursor: 0 })
    expect(first?.text).not.toContain('\uFFFD')
  })

  it.each([
    ['two places', 'before: 4, after: 4'],
    ['a position below 0', 'after: -1'],
    ['no lines', 'lines: 0'],
    ['very many lines', 'lines: 5001'],
  ])('refuses %s', async (_what, args) => {
    expect(await refusal(page(args))).toContain('VALIDATION')
  })

  it('are nothing for those who do not see the server', async () => {
    const stranger = await fleet.api.user(`stranger-${id.slice(-8)}`)
    expect(await page('lines: 1', stranger)).toBeNull()
    expect(await search('text: "x"', stranger)).toBeNull()
  })
})

describe('search', () => {
  it('finds whole lines wherever segments cut them, newest first, and goes on', async () => {
    const text = lines(0, 300)
    const cut = text.indexOf('line 150') + 4
    await fleet.agent.pushConsole(id, 0, text.slice(0, cut))
    await fleet.agent.pushConsole(id, bytesOf(text.slice(0, cut)), text.slice(cut))
    const found = await search('text: "line 15", first: 3')
    expect(found?.nodes.map((match) => match.text)).toEqual(['line 159 ü', 'line 158 ü', 'line 157 ü'])
    const rest = await search(`text: "line 15", before: ${String(found?.pageInfo.endCursor)}`)
    expect(rest?.nodes.map((match) => match.text)).toEqual(
      [6, 5, 4, 3, 2, 1, 0].map((digit) => `line 15${String(digit)} ü`).concat('line 15 ü'),
    )
    expect(rest?.pageInfo.hasNextPage).toBe(false)
    // A position leads to its line.
    expect((await page(`after: ${String(rest?.nodes.at(-1)?.position)}, lines: 1`))?.text).toBe('line 15 ü\n')
  })

  it('takes patterns that are safe, in a thread of their own', async () => {
    await fleet.agent.pushConsole(id, 0, lines(0, 200))
    const found = await search(String.raw`regex: "^line 1[0-9]5 ü$"`)
    expect(found?.nodes.map((match) => match.text)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((digit) => `line 1${String(digit)}5 ü`))
    for (const pattern of ['(a+)+$', '(?=a)b', '[', String.raw`(a)\\1`])
      expect(await refusal(search(`regex: "${pattern}"`))).toContain('INVALID_PATTERN')
  })

  it('is in what a person reads: colours do not count, capitals only when they are to', async () => {
    const coloured = String.raw`\u001b[32m[12:00] Player \u001b[1mJo\u001b[0mined ü` + '\\n'
    const text = JSON.parse(`"${'[11:00] nothing here\\n'.repeat(3)}${coloured}[13:00] joined\\n"`) as string
    await fleet.agent.pushConsole(id, 0, text)
    // Somebody with a limit of their own.
    const reader = await fleet.api.user(`reader-${id.slice(-8)}`, ['server:read', 'server:read-all', 'console:read'])
    const positions = async (argument: string) => (await search(argument, reader))?.nodes.map(({ position }) => position)
    const lineAt = (start: string) => bytesOf(text.slice(0, text.indexOf(start)))
    const [first, second] = [lineAt('\u001b[32m'), lineAt('[13:00]')]
    expect(await positions('text: "JOINED"')).toEqual([second, first])
    expect(await positions('text: "Joined", matchCase: true')).toEqual([first])
    expect(await positions('text: "JOINED", matchCase: true')).toEqual([])
    expect(await positions('regex: "player j[a-z]+ed"')).toEqual([first])
    expect(await positions('regex: "player j[a-z]+ed", matchCase: true')).toEqual([])
    expect(await positions('regex: "Player J[a-z]+ed", matchCase: true')).toEqual([first])
  })

  it('is ended when a pattern takes too long, and nobody waits for it', async () => {
    await fleet.agent.pushConsole(id, 0, `${'a'.repeat(4000)}\n`.repeat(100))
    const slow = refusal(search('regex: "a*a*a*a*a*a*[bc]"'))
    const others = fleet.administrator.query('{ viewer { id } }').then(() => 'answered')
    expect(await Promise.race([others, slow])).toBe('answered')
    expect(await slow).toContain('TOO_SLOW')
  })

  it.each([
    ['neither text nor pattern', 'first: 1'],
    ['both', 'text: "a", regex: "a"'],
    ['two lines', String.raw`text: "a\nb"`],
    ['a long text', `text: "${'a'.repeat(201)}"`],
    ['a long pattern', `regex: "${'a'.repeat(201)}"`],
    ['no matches', 'text: "a", first: 0'],
    ['very many matches', 'text: "a", first: 101'],
  ])('refuses %s', async (_what, args) => {
    expect(await refusal(search(args))).toContain('VALIDATION')
  })

  it('is limited for each person', async () => {
    const person = await fleet.api.user(`searcher-${id.slice(-8)}`, ['server:read', 'server:read-all', 'console:read'])
    const answers = await Promise.all(Array.from({ length: 12 }, () => refusal(search('text: "x"', person))))
    expect(answers.filter((answer) => answer.includes('RATE_LIMITED'))).toHaveLength(2)
  })
})

describe('runs', () => {
  it('have their place, and the end that their agent told', async () => {
    const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
    const push = (from: number, runId: string, text: string, second: number) =>
      fleet.agent.call('mutation ($input: PushConsoleInput!) { pushConsole(input: $input) { expected } }', {
        input: { serverId: id, from, parts: [{ kind: 'OUTPUT', runId, at: at(second), text }] },
      })
    await Promise.all([push(0, 'one', 'first\n', 1), push(6, 'two', 'second\n', 2)])
    await push(13, 'two', 'more\n', 3)
    await fleet.api.sql(
      `insert into "ServerEvent" ("serverId", kind, data, "occurredAt") values ($1, 'EXITED', '{"runId": "one", "code": 3, "reason": "CRASHED"}', $2)`,
      [id, at(1)],
    )
    const { consoleRuns } = await fleet.administrator.query<{ consoleRuns: { totalCount: number; nodes: object[] } }>(
      'query ($id: ID!) { consoleRuns(serverId: $id) { totalCount nodes { id startedAt from endedAt to exit { code reason } } } }',
      { id },
    )
    expect(consoleRuns).toEqual({
      totalCount: 2,
      nodes: [
        { id: 'two', startedAt: at(2), from: 6, endedAt: null, to: 18, exit: null },
        { id: 'one', startedAt: at(1), from: 0, endedAt: at(1), to: 6, exit: { code: 3, reason: 'CRASHED' } },
      ],
    })
  })
})
