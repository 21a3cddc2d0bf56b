import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
import { enrolmentToken } from '../support/fake-fleet.ts'
import { mutate } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

const LAUNCHER = path.resolve(import.meta.dirname, '../../scripts/agent.ts')

let api: TestApi
let administrator: ThirdParty
let folder: string
let url: string

beforeAll(async () => {
  api = await startApi()
  administrator = await api.administrator()
  url = `${api.url.replace('http', 'ws')}/agent`
})
afterAll(() => api.dispose())
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'catalyst-enrol-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Outcome = { code: number | null; output: string; errors: string }

/** `npm run agent -- …` as an operator of another machine gives it: nothing is known but address and token. */
async function agent(args: string[], more: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], CATALYST_DATA_DIR: folder, ...more }
  const child = spawn(process.execPath, [LAUNCHER, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output, errors }
}
const enrol = (token: string, address = url, more: NodeJS.ProcessEnv = {}) => agent(['enroll', '--url', address, '--token', token], more)

/** One sentence and nothing of the program's inside. */
function expectSentence({ code, output, errors }: Outcome, pattern: RegExp): void {
  expect(errors).toMatch(pattern)
  expect(errors).not.toMatch(/\n +at |node:internal|ExperimentalWarning/)
  expect(errors.trim().split('\n')).toHaveLength(1)
  expect(output).toBe('')
  expect(code).toBe(1)
}

const createToken = (name: string) => enrolmentToken(administrator, name, 25_500, 25_509)

describe('npm run agent -- enroll', () => {
  it('makes this machine a node, whose key stays on it', async () => {
    const { code, output, errors } = await enrol(await createToken('fresh'))
    expect([code, errors]).toEqual([0, ''])
    const [node] = await api.sql<{ id: string }>(`select id from "Node" where name = 'fresh'`)
    expect(output).toBe(`Enrolled as node ${node?.id ?? ''}\n`)
    expect(existsSync(path.join(folder, 'agent', 'key'))).toBe(true)
    expect(existsSync(path.join(folder, 'agent', 'key.offered'))).toBe(false)
  })

  it('refuses a token that is unknown, used or expired, and says which', async () => {
    expectSentence(await enrol('nonsense'), /refused.*not known/)
    const used = await createToken('first-machine')
    await enrol(used)
    await rm(folder, { recursive: true })
    expectSentence(await enrol(used), /refused.*has been used/)
    const expired = await createToken('late')
    await api.sql(`update "EnrolmentToken" set "expiresAt" = now() where "nodeName" = 'late'`)
    expectSentence(await enrol(expired), /refused.*has expired/)
    // An argument must not begin like an option.
    expect([used, expired].every((token) => token.startsWith('ct_'))).toBe(true)
  })

  it('is given again after a lost answer, with the same outcome', async () => {
    const token = await createToken('answer-lost')
    const first = await enrol(token)
    // As if the answer had never come: the key is still only offered, and the node unknown.
    const { rename } = await import('node:fs/promises')
    await rename(path.join(folder, 'agent', 'key'), path.join(folder, 'agent', 'key.offered'))
    await rm(path.join(folder, 'agent', 'store.db'))
    expect(await enrol(token)).toEqual(first)
  })

  it('gives a node another key, also from another machine, and never makes one machine two nodes', async () => {
    await enrol(await createToken('keyed'))
    const [node] = await api.sql<{ id: string; publicKey: Buffer }>(`select id, "publicKey" from "Node" where name = 'keyed'`)
    const nodeId = node!.id
    const rekey = async () =>
      (await mutate<{ token: string }>(administrator, 'createRekeyToken', 'CreateRekeyTokenInput', 'token', { nodeId })).token
    expect((await enrol(await rekey())).output).toContain(nodeId)
    const [second] = await api.sql<{ publicKey: Buffer }>(`select "publicKey" from "Node" where id = $1`, [nodeId])
    expect(second?.publicKey.equals(node!.publicKey)).toBe(false)

    expectSentence(await enrol(await createToken('other')), /already.*keyed|keyed already/)
    expect(await api.sql(`select 1 from "Node" where name = 'other'`)).toEqual([])

    await rm(folder, { recursive: true })
    expect((await enrol(await rekey())).output).toContain(nodeId)
  })

  it('says that there is no api at a wrong address', async () => {
    expectSentence(await enrol('t', 'ws://127.0.0.1:9/agent'), /no Catalyst api at ws:\/\/127\.0\.0\.1:9\/agent: .*ECONNREFUSED/)
    expectSentence(await enrol('t', url.replace('/agent', '/somewhere')), /no Catalyst api at .*\/somewhere/)
    expectSentence(await enrol('t', 'wss://127.0.0.1:9/agent'), /ECONNREFUSED/)
    const other = http.createServer((_request, response) => response.end('hello'))
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    expectSentence(await enrol('t', `ws://127.0.0.1:${String(port)}/agent`), /no Catalyst api at .*: Unexpected server response: 200/)
    other.close()
  })

  it('refuses settings and options that it does not understand', async () => {
    for (const address of ['https://panel.example.test', 'ws://panel.example.test/agent']) {
      const { code, errors } = await enrol('t', address)
      expect(code).toBe(1)
      expect(errors).toContain('CATALYST_AGENT_API_URL')
      expect(errors).not.toContain(' at ')
    }
    for (const args of [['enroll'], ['enroll', '--tokn', 'x']]) {
      const { code, errors } = await agent(args)
      expect(code).toBe(1)
      expect(errors).toContain('enroll --url <wss://…> --token <t>')
      expect(errors).not.toContain('node:internal')
    }
  })

  it('lets a served node find out that its key is not valid any more', async () => {
    const { output } = await enrol(await createToken('served'))
    const nodeId = output.trim().split(' ').at(-1) ?? ''
    await mutate(administrator, 'deleteNode', 'DeleteNodeInput', 'deletedNodeId', { id: nodeId })
    // The machine is nobody's now: another token makes it another node.
    expect((await enrol(await createToken('reborn'))).code).toBe(0)
  })
})
