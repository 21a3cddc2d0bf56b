import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PUBLIC_URL } from '../support/api.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { deleteServer } from '../support/scenario.ts'

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

const BLOCK = `${'x'.repeat(99)}\n`.repeat(5000)
const BLOCKS = 60
const bytesOf = (text: string) => Buffer.byteLength(text)
const pushMuch = async () => {
  for (let at = 0; at < BLOCK.length * BLOCKS; at += BLOCK.length) await fleet.agent.pushConsole(id, at, BLOCK)
}

describe('the whole log', () => {
  const address = () => `${fleet.api.url}/servers/${id}/console.log`
  const bearer = (client = fleet.administrator) => ({ authorization: `Bearer ${client.token}` })

  it('is what the game wrote, byte by byte', async () => {
    const blocks = Array.from({ length: 8 }, (_, index) => `${String(index)} ü\u001b[31m`.repeat(20_000))
    let position = 0
    for (const block of blocks) {
      await fleet.agent.pushConsole(id, position, block)
      position += bytesOf(block)
    }
    const response = await fetch(address(), { headers: bearer() })
    expect(response.headers.get('content-disposition')).toContain(`console-${id}.log`)
    const got = Buffer.from(await response.arrayBuffer())
    expect(createHash('sha256').update(got).digest('hex')).toBe(createHash('sha256').update(blocks.join('')).digest('hex'))
  })

  it('is refused to strangers, to nobody, and to cookies from elsewhere', async () => {
    const stranger = await fleet.api.user(`outsider-${id.slice(-8)}`)
    const blind = await fleet.api.user(`blind-${id.slice(-8)}`, ['server:read', 'server:read-all'])
    const statusOf = async (headers: Record<string, string>) => (await fetch(address(), { headers })).status
    expect(await statusOf({})).toBe(401)
    expect(await statusOf(bearer(stranger))).toBe(404)
    expect(await statusOf(bearer(blind))).toBe(403)
    const signIn = await fetch(`${fleet.api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: PUBLIC_URL },
      body: JSON.stringify({
        query: 'mutation ($input: SignInInput!) { signIn(input: $input) { __typename } }',
        variables: { input: { email: 'admin@example.test', password: 'correct horse battery staple', transport: 'COOKIE' } },
      }),
    })
    const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? ''
    expect(await statusOf({ cookie })).toBe(200)
    expect(await statusOf({ cookie, origin: PUBLIC_URL })).toBe(200)
    expect(await statusOf({ cookie, 'sec-fetch-site': 'same-origin' })).toBe(200)
    for (const site of ['cross-site', 'same-site']) expect(await statusOf({ cookie, 'sec-fetch-site': site })).toBe(403)
    expect(await statusOf({ cookie, origin: 'http://evil.example' })).toBe(403)
    expect(await statusOf({ ...bearer(), origin: 'http://evil.example' })).toBe(403)
  })

  /** A download that has begun, and is not read on. */
  async function begin(client = fleet.administrator): Promise<http.IncomingMessage> {
    const request = http.get(address(), { headers: bearer(client) })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    response.pause()
    return response
  }
  async function readToTheCut(response: http.IncomingMessage): Promise<number> {
    let received = 0
    response.on('data', (chunk: Buffer) => (received += chunk.length))
    response.resume()
    await once(response, 'error')
    return received
  }

  it('waits for its reader, and ends when the server goes', async () => {
    await pushMuch()
    const response = await begin()
    await deleteServer(fleet.administrator, id)
    expect(await readToTheCut(response)).toBeLessThan(BLOCK.length * BLOCKS)
  })

  it('ends when the right, the role or the session is lost', async () => {
    await pushMuch()
    const losses = {
      right: `update "Role" set permissions = '{server:read,server:read-all}' where name = $1`,
      role: 'delete from "RoleAssignment" where "roleId" = (select id from "Role" where name = $1)',
      session: null,
    }
    for (const [what, statement] of Object.entries(losses)) {
      const name = `${what}-${id.slice(-8)}`
      const reader = await fleet.api.user(name, ['server:read', 'server:read-all', 'console:read'])
      const response = await begin(reader)
      if (statement === null) await reader.query('mutation { signOut { __typename } }')
      else await fleet.api.sql(statement, [`role of ${name}`])
      expect(await readToTheCut(response), what).toBeLessThan(BLOCK.length * BLOCKS)
    }
  })

  it('is read four times at once by one person, and no more', async () => {
    await pushMuch()
    const responses = [await begin(), await begin(), await begin(), await begin()]
    const refused = await fetch(address(), { headers: bearer() })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('10')
    const other = await fleet.api.user(`other-${id.slice(-8)}`, ['server:read', 'server:read-all', 'console:read'])
    responses.push(await begin(other))
    for (const response of responses) response.destroy()
    await expect.poll(async () => (await fetch(address(), { method: 'HEAD', headers: bearer() })).status).toBe(200)
  })

  it('is described without its text', async () => {
    await fleet.agent.pushConsole(id, 0, 'text\n')
    const response = await fetch(address(), { method: 'HEAD', headers: bearer() })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-disposition')).toContain(`console-${id}.log`)
    expect(await response.text()).toBe('')
  })
})
