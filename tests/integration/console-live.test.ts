import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { readConsole, type ConsoleEvent } from '../support/console-reader.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { deleteServer } from '../support/scenario.ts'
import { createThirdParty } from '../support/third-party.ts'

const MIB = 2 ** 20
const TOKEN = 'a-token-of-prometheus'

let fleet: Fleet
let id: string

beforeAll(async () => {
  fleet = await startFleet(undefined, { prometheus: { token: TOKEN, listen: null } })
})

beforeEach(async () => {
  id = await installedServer(fleet)
  await fleet.agent.report(id, { state: 'RUNNING' })
})

afterAll(async () => {
  await fleet.dispose()
})

const connect = () => createThirdParty(fleet.api.url, fleet.administrator.token)

/** A viewer by hand, whose reading can be stopped. */
async function openViewer(token: string, after = 0) {
  const socket = new WebSocket(`${fleet.api.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws')
  const events: ConsoleEvent[] = []
  const seen = new Set<() => void>()
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { type: string; payload: { data: { consoleEvents: ConsoleEvent } } }
    if (message.type === 'ping') socket.send('{"type":"pong"}')
    if (message.type !== 'next') return
    events.push(message.payload.data.consoleEvents)
    for (const check of seen) check()
  })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }))
  await once(socket, 'message')
  const query = `subscription ($id: ID!, $after: SafeInt) { consoleEvents(serverId: $id, after: $after) {
    __typename from to ... on ConsoleChunk { kind text } ... on ConsoleGap { reason } } }`
  socket.send(JSON.stringify({ id: 'a', type: 'subscribe', payload: { query, variables: { id, after } } }))
  return {
    socket,
    events,
    async until(position: number) {
      while ((events.at(-1)?.to ?? 0) < position)
        await new Promise<void>((resolve) => {
          const check = () => {
            seen.delete(check)
            resolve()
          }
          seen.add(check)
        })
    },
    /** Where the chain is broken. */
    breaks: () => events.filter((event, index) => event.from !== (events[index - 1]?.to ?? after)),
  }
}

describe('viewers', () => {
  it('get one unbroken chain each, whenever they come', async () => {
    const readers = [readConsole(connect, id)]
    let position = 0
    let whole = ''
    for (let round = 0; round < 40; round += 1) {
      const text = `round ${String(round)} über\n`
      const pushed = fleet.agent.pushConsole(id, position, text)
      position += Buffer.byteLength(text)
      whole += text
      if (round % 10 === 5) readers.push(readConsole(connect, id, 0))
      if (round % 13 === 0) await pushed
    }
    for (const reader of readers) {
      expect(await reader.until((output) => output.length >= whole.length, 10_000)).toBe(whole)
      expect(reader.violations).toEqual([])
      await reader.stop()
    }
  })

  it('do not wait for one that does not read; it goes on where it can, and is told what it missed', async () => {
    const slow = await openViewer(fleet.administrator.token)
    const quick = await openViewer(fleet.administrator.token)
    await fleet.agent.pushConsole(id, 0, 'begin\n')
    await slow.until(6)
    slow.socket.pause()
    const block = `${'x'.repeat(99)}\n`.repeat(5000)
    const total = 6 + block.length * 80
    for (let at = 6; at < total; at += block.length) await fleet.agent.pushConsole(id, at, block)
    await quick.until(total)
    expect(quick.breaks()).toEqual([])
    expect(quick.events.filter((event) => event.__typename === 'ConsoleGap')).toEqual([])

    slow.socket.resume()
    await slow.until(total)
    expect(slow.breaks()).toEqual([])
    const gaps = slow.events.filter((event) => event.__typename === 'ConsoleGap')
    expect(gaps).toMatchObject([{ reason: 'SLOW_VIEWER' }])
    // Up to what its socket held it has everything, and it goes on with the last lines.
    expect(gaps[0]!.to - gaps[0]!.from).toBeGreaterThan(8 * MIB)
    expect(total - gaps[0]!.to).toBeLessThan(MIB)
    const counted = await fetch(`${fleet.api.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
    const figures = await counted.text()
    expect(figures).toMatch(/^catalyst_viewer_gaps_total [1-9]/m)
    expect(figures).toMatch(/^catalyst_viewer_gap_bytes_total [1-9]/m)
    expect(figures).not.toContain('SLOW_VIEWER')
    // What was left out can be read again.
    const again = await openViewer(fleet.administrator.token, gaps[0]!.from)
    await again.until(total)
    expect(again.breaks()).toEqual([])
    expect(again.events.filter((event) => event.__typename === 'ConsoleGap')).toEqual([])
    for (const { socket } of [slow, quick, again]) socket.terminate()
  })

  it('are let go when their right is taken, and when the server is deleted', async () => {
    const user = await fleet.api.user(`viewer-${id.slice(0, 8)}`, ['server:read', 'server:read-all', 'console:read'])
    const viewer = await openViewer(user.token)
    await fleet.agent.pushConsole(id, 0, 'secret\n')
    await viewer.until(7)
    const closed = once(viewer.socket, 'close')
    const taken = performance.now()
    await fleet.api.sql(`update "Role" set permissions = '{server:read,server:read-all}' where name = $1`, [
      `role of viewer-${id.slice(0, 8)}`,
    ])
    expect((await closed)[0]).toBe(4403)
    expect(performance.now() - taken).toBeLessThan(5000)

    const stream = connect().iterate<{ consoleEvents: ConsoleEvent }>(
      'subscription ($id: ID!) { consoleEvents(serverId: $id, after: 0) { from } }',
      { id },
    )
    await stream.next()
    await deleteServer(fleet.administrator, id)
    expect((await stream.next()).done).toBe(true)
  })
})
