import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enrolFakeNode, openAgentSocket, signInFakeNode, type FakeNode } from '../support/agent-socket.ts'
import { startApi, type TestApi } from '../support/api.ts'
import { startFakeAgent } from '../support/fake-agent.ts'
import { enrolmentToken } from '../support/fake-fleet.ts'
import { createServer, deleteServer, importTestTemplate, MutationRefused, mutate } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

let api: TestApi
let administrator: ThirdParty

beforeAll(async () => {
  api = await startApi()
  administrator = await api.administrator()
})
afterAll(() => api.dispose())

let number = 0
async function newNode(): Promise<FakeNode & { name: string }> {
  number += 1
  const name = `key-${String(number)}`
  return { name, ...(await enrolFakeNode(api.url, await enrolmentToken(administrator, name, 25_500, 25_509))) }
}

async function rekeyToken(nodeId: string): Promise<string> {
  const { token } = await mutate<{ token: string }>(administrator, 'createRekeyToken', 'CreateRekeyTokenInput', 'token', { nodeId })
  return token
}

const newKey = () => generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x

/** What the api answers to an enrolment: the node's id, or the code of the refusal. */
async function enrol(input: { token: string; publicKey?: string | undefined; nodeId?: string }): Promise<string> {
  const socket = await openAgentSocket(api.url)
  try {
    const { enrolNode } = await socket.call<{ enrolNode: { nodeId: string } }>(
      'mutation ($input: EnrolNodeInput!) { enrolNode(input: $input) { nodeId } }',
      { input: { publicKey: newKey(), agentVersion: 'fake', ...input } },
    )
    return enrolNode.nodeId
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await socket.close()
  }
}

/** How a sign-in ends. */
async function signIn(node: FakeNode): Promise<string> {
  const socket = await openAgentSocket(api.url)
  try {
    await signInFakeNode(socket, node)
    return 'signed in'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await socket.close()
  }
}

async function kinds(nodeId: string): Promise<string[]> {
  const rows = await api.sql<{ kind: string }>('select kind from "NodeEvent" where "nodeId" = $1 order by id', [nodeId])
  return rows.map(({ kind }) => kind)
}

async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof MutationRefused) return error.answer
  throw error instanceof Error ? error : new Error('it was not refused')
}

describe('a new key', () => {
  it('ends the session of the old one, which is refused from then on, and keeps the node', async () => {
    const node = await newNode()
    const agent = await startFakeAgent(api.url, node)
    const fresh = await enrolFakeNode(api.url, await rekeyToken(node.nodeId))
    expect(fresh.nodeId).toBe(node.nodeId)
    expect(await agent.closed).toBe(4401)
    expect(await signIn(node)).toBe('SIGN_IN_REFUSED')
    const again = await startFakeAgent(api.url, fresh)
    expect(await kinds(node.nodeId)).toEqual(['ENROLLED', 'ONLINE', 'OFFLINE', 'REKEYED', 'ONLINE'])
    expect(await api.sql('select name, "isOnline" from "Node" where id = $1', [node.nodeId])).toEqual([{ name: node.name, isOnline: true }])
    expect(await api.sql(`select action from "AuditEntry" where "subjectId" = $1 and action = 'node:rekey'`, [node.nodeId])).toHaveLength(1)
    await again.close()
  })

  it('leaves nothing to the old session while its socket is still closing', async () => {
    const node = await newNode()
    const agent = await startFakeAgent(api.url, node)
    const token = await rekeyToken(node.nodeId)
    // Sent together: whatever arrives after the new key was taken is refused, and nothing of it counts.
    const [, late] = await Promise.all([
      enrol({ token }).then(async () => agent.report(randomUUID(), {}).catch((error: unknown) => String(error))),
      agent.closed,
    ])
    expect(late).not.toMatchObject({ applied: 1 })
    expect(await api.sql('select "isOnline", "sessionId" from "Node" where id = $1', [node.nodeId])).toEqual([
      { isOnline: false, sessionId: null },
    ])
  })

  it('is taken once: by one machine of two, and again only with the same key', async () => {
    const node = await newNode()
    const token = await rekeyToken(node.nodeId)
    const outcomes = await Promise.all([enrol({ token }), enrol({ token })])
    expect(outcomes.toSorted()).toEqual([node.nodeId, 'ENROLMENT_REFUSED'].toSorted())
    const second = await rekeyToken(node.nodeId)
    const publicKey = newKey()
    expect(await enrol({ token: second, publicKey })).toBe(node.nodeId)
    expect(await enrol({ token: second, publicKey })).toBe(node.nodeId)
    expect(await enrol({ token: second })).toBe('ENROLMENT_REFUSED')
  })

  it('expires with its token, and goes with its node', async () => {
    const node = await newNode()
    const late = await rekeyToken(node.nodeId)
    await api.sql(`update "EnrolmentToken" set "expiresAt" = now() - interval '1 second' where "nodeId" = $1`, [node.nodeId])
    expect(await enrol({ token: late })).toBe('ENROLMENT_REFUSED')
    const orphan = await rekeyToken(node.nodeId)
    await mutate(administrator, 'deleteNode', 'DeleteNodeInput', 'deletedNodeId', { id: node.nodeId })
    expect(await enrol({ token: orphan })).toBe('ENROLMENT_REFUSED')
    expect(await refusal(rekeyToken(node.nodeId))).toMatchObject({ __typename: 'NotFoundError' })
    expect(await refusal(rekeyToken('x'))).toMatchObject({ __typename: 'NotFoundError' })
  })

  it('is not for a machine that is another node', async () => {
    const [one, two] = [await newNode(), await newNode()]
    expect(await enrol({ token: await rekeyToken(one.nodeId), nodeId: two.nodeId })).toBe('ENROLMENT_REFUSED')
    expect(await enrol({ token: await enrolmentToken(administrator, 'second-life', 25_500, 25_509), nodeId: two.nodeId })).toBe(
      'ENROLMENT_REFUSED',
    )
    expect(await enrol({ token: await rekeyToken(one.nodeId), nodeId: one.nodeId })).toBe(one.nodeId)
  })
})

describe('deleting a node', () => {
  const remove = (id: string) => mutate(administrator, 'deleteNode', 'DeleteNodeInput', 'deletedNodeId', { id })

  it('is refused while servers are on it, those that wait for their removal too', async () => {
    const node = await newNode()
    const agent = await startFakeAgent(api.url, node)
    const templateId = await importTestTemplate(administrator, 'printer')
    const id = await createServer(administrator, {
      name: 'One',
      templateId,
      nodeId: node.nodeId,
      memoryMiB: 64,
      cpuPercent: 10,
      diskMiB: 64,
    })
    expect(await refusal(remove(node.nodeId))).toMatchObject({ __typename: 'NodeInUseError', code: 'NODE_IN_USE' })
    await deleteServer(administrator, id)
    expect(await refusal(remove(node.nodeId))).toMatchObject({ __typename: 'NodeInUseError' })
    await agent.report(id, { isRemoved: true, generation: 99 })
    await remove(node.nodeId)
    expect(await agent.closed).toBe(4401)
    expect(await signIn(node)).toBe('SIGN_IN_REFUSED')
    expect(await api.sql('select 1 from "Allocation" where "nodeId" = $1', [node.nodeId])).toEqual([])
    expect(await refusal(remove(node.nodeId))).toMatchObject({ __typename: 'NotFoundError' })
    expect(await refusal(remove('x'))).toMatchObject({ __typename: 'NotFoundError' })
  })

  it('is told to whoever looks', async () => {
    const node = await newNode()
    const events = administrator.iterate('subscription { nodeEvents { nodeId node { id } } }')
    const seen = (async () => {
      for await (const { nodeEvents } of events as AsyncIterable<{ nodeEvents: { nodeId: string; node: object | null } }>)
        if (nodeEvents.nodeId === node.nodeId && nodeEvents.node === null) return nodeEvents
      return null
    })()
    // The subscription is there when something is heard on it.
    const other = await newNode()
    await mutate(administrator, 'updateNode', 'UpdateNodeInput', 'node { id }', { id: other.nodeId, location: 'Oslo' })
    await remove(node.nodeId)
    expect(await seen).toEqual({ nodeId: node.nodeId, node: null })
  })

  it('loses against a create that was first, and the other way round', async () => {
    const templateId = await importTestTemplate(administrator, 'printer')
    for (let round = 0; round < 4; round += 1) {
      const nodeId = await api.node()
      const [made, removed] = await Promise.allSettled([
        createServer(administrator, { name: 'Race', templateId, nodeId, memoryMiB: 64, cpuPercent: 10, diskMiB: 64 }),
        remove(nodeId),
      ])
      expect([made.status, removed.status].sort()).toEqual(['fulfilled', 'rejected'])
      const error =
        made.status === 'rejected' ? (made.reason as unknown) : removed.status === 'rejected' ? (removed.reason as unknown) : null
      expect(['NotFoundError', 'NodeInUseError']).toContain((error as MutationRefused).answer.__typename)
    }
  })
})

describe('open tokens', () => {
  const open = async () =>
    (
      await administrator.query<{ enrolmentTokens: { id: string; nodeName: string; isRekey: boolean }[] }>(
        '{ enrolmentTokens { id nodeName isRekey } }',
      )
    ).enrolmentTokens

  it('are listed until they are used, expire or are revoked', async () => {
    const node = await newNode()
    const used = await enrolmentToken(administrator, 'to-be-used', 25_500, 25_509)
    const revoked = await enrolmentToken(administrator, 'to-be-revoked', 25_500, 25_509)
    await rekeyToken(node.nodeId)
    await enrolmentToken(administrator, 'expired', 25_500, 25_509)
    await api.sql(`update "EnrolmentToken" set "expiresAt" = now() where "nodeName" = 'expired'`)
    const names = (await open()).map(({ nodeName, isRekey }) => `${nodeName}${isRekey ? ' (key)' : ''}`)
    expect(names.slice(0, 3)).toEqual([`${node.name} (key)`, 'to-be-revoked', 'to-be-used'])
    expect(names).not.toContain('expired')

    await enrol({ token: used })
    const revoke = (id: string) =>
      mutate(administrator, 'revokeEnrolmentToken', 'RevokeEnrolmentTokenInput', 'deletedEnrolmentTokenId', { id })
    const id = (await open()).find(({ nodeName }) => nodeName === 'to-be-revoked')!.id
    await revoke(id)
    expect(await enrol({ token: revoked })).toBe('ENROLMENT_REFUSED')
    expect((await open()).map(({ nodeName }) => nodeName)).not.toContain('to-be-used')
    for (const gone of [id, randomUUID(), 'x']) expect(await refusal(revoke(gone))).toMatchObject({ __typename: 'NotFoundError' })
  })

  it('of one name make one node: the second machine is told', async () => {
    const [one, two] = [
      await enrolmentToken(administrator, 'twins', 25_500, 25_509),
      await enrolmentToken(administrator, 'twins', 25_500, 25_509),
    ]
    const outcomes = await Promise.all([enrol({ token: one }), enrol({ token: two })])
    expect(outcomes.filter((outcome) => outcome === 'ENROLMENT_REFUSED')).toHaveLength(1)
    expect(await api.sql(`select 1 from "Node" where name = 'twins'`)).toHaveLength(1)
  })

  it('carry location and tags to their node', async () => {
    const { token } = await mutate<{ token: string }>(administrator, 'createEnrolmentToken', 'CreateEnrolmentTokenInput', 'token', {
      name: 'placed',
      address: '192.0.2.1',
      firstPort: 25_500,
      lastPort: 25_509,
      location: 'Oslo',
      tags: ['ssd'],
    })
    await enrol({ token })
    const { nodes } = await administrator.query<{ nodes: { nodes: { name: string }[] } }>(
      '{ nodes { nodes { name location tags status } } }',
    )
    expect(nodes.nodes.find(({ name }) => name === 'placed')).toMatchObject({ location: 'Oslo', tags: ['ssd'], status: 'WAITING' })
  })
})
