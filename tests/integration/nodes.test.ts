import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
import { MutationRefused, mutate } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

const run = promisify(execFile)
const CLI = path.resolve(import.meta.dirname, '../../api/src/cli.ts')

let api: TestApi
let administrator: ThirdParty
beforeAll(async () => {
  api = await startApi()
  administrator = await api.administrator()
})
afterAll(() => api.dispose())

type Answer = { __typename: string; token?: string; fields?: { path: string[]; code: string }[] }

async function createToken(input: object): Promise<Answer> {
  const data = await administrator.query<{ createEnrolmentToken: Answer }>(
    `mutation ($input: CreateEnrolmentTokenInput!) {
      createEnrolmentToken(input: $input) { __typename ... on CreateEnrolmentTokenSuccess { token } ... on ValidationError { fields { path code } } }
    }`,
    { input },
  )
  return data.createEnrolmentToken
}

const range = { address: '192.0.2.1', firstPort: 25500, lastPort: 25509 }

describe('enrolment tokens', () => {
  it('are stored as hashes, end after an hour, and are recorded', async () => {
    const { token } = await createToken({ name: 'one', ...range })
    expect(token).toMatch(/^ct_[\w-]{43}$/)
    const [row] = await api.sql<{ tokenHash: Buffer; minutes: number }>(
      `select "tokenHash", round(extract(epoch from "expiresAt" - "createdAt") / 60)::int as minutes from "EnrolmentToken" where "nodeName" = 'one'`,
    )
    expect([row?.tokenHash.length, row?.minutes]).toEqual([32, 60])
    expect(await api.sql(`select "actorName" from "AuditEntry" where action = 'node:manage' and "subjectName" = 'one'`)).toEqual([
      { actorName: 'admin' },
    ])
  })

  it.each([
    [{ name: '', ...range }, 'name'],
    [{ name: 'x'.repeat(65), ...range }, 'name'],
    [{ name: 'n', ...range, address: 'not an address' }, 'address'],
    [{ name: 'n', ...range, address: 'games.example.test' }, 'address'],
    [{ name: 'n', ...range, location: 'x'.repeat(65) }, 'location'],
    [{ name: 'n', ...range, tags: ['UPPER'] }, 'tags.0'],
    [{ name: 'n', ...range, tags: Array.from({ length: 17 }, (_, index) => `t${String(index)}`) }, 'tags'],
    [{ name: 'n', ...range, firstPort: 80 }, 'firstPort'],
    [{ name: 'n', ...range, lastPort: 70_000 }, 'lastPort'],
    [{ name: 'n', ...range, lastPort: 25_000 }, 'lastPort'],
  ])('refuse %j at %s', async (input, field) => {
    const answer = await createToken(input)
    expect(answer.fields?.map((problem) => problem.path.join('.'))).toContain(field)
  })

  it('are made by the command line, with another name when it is taken', async () => {
    await api.node({ name: 'taken' })
    expect(await createToken({ name: 'taken', ...range })).toMatchObject({ fields: [{ path: ['name'], code: 'TAKEN' }] })
    const args = [CLI, 'create-enrolment-token', '--name', 'taken', '--address', '192.0.2.1', '--ports', '25500-25509']
    const { stdout } = await run(process.execPath, args, { env: { ...process.env, DATABASE_URL: api.databaseUrl } })
    expect(stdout).toMatch(/^ct_[\w-]{43}\n$/)
    expect(await api.sql(`select 1 from "EnrolmentToken" where "nodeName" = 'taken-2'`)).toHaveLength(1)
  })

  it('reset a password by the command line, which ends the sessions', async () => {
    const user = await api.user('forgetful')
    expect(await user.query('{ viewer { username } }')).toEqual({ viewer: { username: 'forgetful' } })
    const args = [CLI, 'reset-admin-password', '--email', 'forgetful@example.test']
    await run(process.execPath, args, { env: { ...process.env, DATABASE_URL: api.databaseUrl } })
    expect(await api.sql(`select 1 from "Session" s join "User" u on u.id = s."userId" where u.username = 'forgetful'`)).toEqual([])
    await expect.poll(() => user.query('{ viewer { username } }')).toEqual({ viewer: null })
  })
})

describe('nodes', () => {
  it('are pages that join without holes or repeats', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) await api.node({ name })
    const names: string[] = []
    let after: string | null = null
    do {
      const {
        nodes,
      }: { nodes: { nodes: { name: string }[]; pageInfo: { endCursor: string | null; hasNextPage: boolean }; totalCount: number } } =
        await administrator.query(
          'query ($after: String) { nodes(first: 2, after: $after) { totalCount nodes { name } pageInfo { endCursor hasNextPage } } }',
          { after },
        )
      names.push(...nodes.nodes.map((node) => node.name))
      after = nodes.pageInfo.hasNextPage ? nodes.pageInfo.endCursor : null
      if (after === null) expect(names).toHaveLength(nodes.totalCount)
    } while (after !== null)
    expect(new Set(names).size).toBe(names.length)
    expect(names).toEqual(expect.arrayContaining(['page-a', 'page-b', 'page-c']))
  })

  it('show capacity, what is promised, and free ports', async () => {
    const id = await api.node({ name: 'shown', firstPort: 26000, lastPort: 26002 })
    expect(
      await administrator.query(
        'query ($id: ID!) { node(id: $id) { name capacity { memoryMiB } allocated { memoryMiB } } freePorts(nodeId: $id, first: 2) { port } }',
        { id },
      ),
    ).toEqual({
      node: { name: 'shown', capacity: { memoryMiB: 8192 }, allocated: { memoryMiB: 0 } },
      freePorts: [{ port: 26000 }, { port: 26001 }],
    })
  })
})

type NodeInput = { id: string } & Record<string, unknown>
const update = (
  input: NodeInput,
  selection = 'node { name location tags isMaintenance status overcommit { memoryPercent cpuPercent diskPercent } }',
) => mutate<{ node: Record<string, unknown> }>(administrator, 'updateNode', 'UpdateNodeInput', selection, input)

async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof MutationRefused) return error.answer
  throw error instanceof Error ? error : new Error('it was not refused')
}

type Entry = { kind: string; actor: string | null; reason: string | null; changes: { field: string; from: string; to: string }[] }
async function history(nodeId: string): Promise<Entry[]> {
  const data = await administrator.query<{ nodeHistory: { nodes: Entry[] } }>(
    'query ($nodeId: ID!) { nodeHistory(nodeId: $nodeId) { nodes { kind actor reason changes { field from to } } } }',
    { nodeId },
  )
  return data.nodeHistory.nodes
}

describe('settings of a node', () => {
  it('change alone or together, with history and audit, and what is absent stays', async () => {
    const id = await api.node({ name: 'before' })
    const { node } = await update({
      id,
      name: ' after ',
      location: 'Oslo',
      tags: ['ssd', 'gpu', 'ssd'],
      isMaintenance: true,
      cpuOvercommitPercent: 150,
    })
    expect(node).toEqual({
      name: 'after',
      location: 'Oslo',
      tags: ['gpu', 'ssd'],
      isMaintenance: true,
      status: 'MAINTENANCE',
      overcommit: { memoryPercent: 100, cpuPercent: 150, diskPercent: 100 },
    })
    expect((await update({ id, isMaintenance: false })).node).toMatchObject({ name: 'after', tags: ['gpu', 'ssd'], status: 'ONLINE' })
    // Nothing new: nothing to tell.
    await update({ id, name: 'after', tags: ['ssd', 'gpu'] })
    expect(await history(id)).toEqual([
      { kind: 'MAINTENANCE_OFF', actor: 'admin', reason: null, changes: [] },
      { kind: 'MAINTENANCE_ON', actor: 'admin', reason: null, changes: [] },
      {
        kind: 'CHANGED',
        actor: 'admin',
        reason: null,
        changes: [
          { field: 'location', from: '', to: 'Oslo' },
          { field: 'tags', from: '', to: 'gpu, ssd' },
          { field: 'cpuOvercommitPercent', from: '100', to: '150' },
        ],
      },
      { kind: 'RENAMED', actor: 'admin', reason: null, changes: [{ field: 'name', from: 'before', to: 'after' }] },
    ])
    const audit = await api.sql<{ change: object }>(`select change from "AuditEntry" where "subjectId" = $1 order by id`, [id])
    expect(audit.map(({ change }) => change)).toEqual([
      { name: 'after', location: 'Oslo', tags: 'gpu, ssd', isMaintenance: 'true', cpuOvercommitPercent: '150' },
      { isMaintenance: 'false' },
    ])
  })

  it.each([
    ['name', ' '],
    ['name', 'x'.repeat(65)],
    ['name', 'a\0b'],
    ['location', 'x'.repeat(65)],
    ['memoryOvercommitPercent', 9],
    ['diskOvercommitPercent', 1001],
  ])('refuse %s %j', async (field, value) => {
    const id = await api.node()
    const answer = await refusal(update({ id, [field]: value }))
    expect(answer).toMatchObject({ __typename: 'ValidationError', fields: [{ path: [field] }] })
  })

  it('leave a name to the first of two, also when both come at once', async () => {
    const ids = [await api.node(), await api.node()]
    const outcomes = await Promise.allSettled(ids.map((id) => update({ id, name: 'wanted by both' })))
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const loser = outcomes.find((outcome) => outcome.status === 'rejected')
    expect((loser?.reason as MutationRefused).answer).toMatchObject({ fields: [{ path: ['name'], code: 'TAKEN' }] })
  })

  it('belong to nodes that there are', async () => {
    for (const id of [randomUUID(), 'x']) expect(await refusal(update({ id, name: 'n' }))).toMatchObject({ __typename: 'NotFoundError' })
  })
})

describe('the history of a node', () => {
  it('is pages that join, newest first, and empty for unknown nodes', async () => {
    const id = await api.node({ name: 'told' })
    for (const name of ['b', 'c', 'd']) await update({ id, name: `told-${name}` })
    const names: string[] = []
    let after: string | null = null
    do {
      const data: { nodeHistory: { totalCount: number; nodes: Entry[]; pageInfo: { endCursor: string | null; hasNextPage: boolean } } } =
        await administrator.query(
          `query ($id: ID!, $after: String) { nodeHistory(nodeId: $id, first: 2, after: $after) {
            totalCount nodes { kind actor reason changes { field from to } } pageInfo { endCursor hasNextPage } } }`,
          { id, after },
        )
      expect(data.nodeHistory.totalCount).toBe(3)
      names.push(...data.nodeHistory.nodes.map(({ changes }) => changes[0]!.to))
      after = data.nodeHistory.pageInfo.hasNextPage ? data.nodeHistory.pageInfo.endCursor : null
    } while (after !== null)
    expect(names).toEqual(['told-d', 'told-c', 'told-b'])
    expect(await history(randomUUID())).toEqual([])
    expect(await history('x')).toEqual([])
  })

  it.each(['x', Buffer.from('["1; drop"]').toString('base64url'), Buffer.from('["99999999999999999999"]').toString('base64url')])(
    'refuses the cursor %s',
    async (after) => {
      const query = 'query ($after: String) { nodeHistory(nodeId: "x", after: $after) { totalCount } }'
      const id = await api.node()
      await expect(administrator.query(query.replace('"x"', `"${id}"`), { after })).rejects.toThrow('VALIDATION')
    },
  )
})
