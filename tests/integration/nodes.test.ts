import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
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
    expect(token).toMatch(/^[\w-]{43}$/)
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
    expect(stdout).toMatch(/^[\w-]{43}\n$/)
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
