import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enrolFakeNode, openAgentSocket, signInFakeNode, type FakeNode } from '../support/agent-socket.ts'
import { isAssignment, startFakeAgent, type FakeAgent } from '../support/fake-agent.ts'
import { enrolmentToken, installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { power } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'

let fleet: Fleet
let otherNode: FakeNode
let other: FakeAgent
let serverId: string

beforeAll(async () => {
  fleet = await startFleet()
  otherNode = await enrolFakeNode(fleet.api.url, await enrolmentToken(fleet.administrator, 'other', 26000, 26009))
  other = await startFakeAgent(fleet.api.url, otherNode)
  serverId = await installedServer({ ...fleet, agent: fleet.agent })
})

afterAll(async () => {
  await other.close()
  await fleet.dispose()
})

describe('sign-in', () => {
  it('refuses everything else before it', async () => {
    const socket = await openAgentSocket(fleet.api.url)
    await expect(socket.call('mutation { heartbeat(input: { wallClock: "2026-01-01T00:00:00Z" }) { serverTime } }')).rejects.toThrow(
      'UNAUTHENTICATED',
    )
    await expect(
      socket.call('mutation { reportServers(input: { isSnapshot: true, isLast: true, reports: [] }) { applied } }'),
    ).rejects.toThrow('UNAUTHENTICATED')
    await socket.close()
  })

  it('refuses a foreign key, an unknown node and a challenge that was used', async () => {
    const socket = await openAgentSocket(fleet.api.url)
    await expect(signInFakeNode(socket, { ...otherNode, nodeId: fleet.node.nodeId })).rejects.toThrow('SIGN_IN_REFUSED')
    await expect(signInFakeNode(socket, { ...otherNode, nodeId: randomUUID() })).rejects.toThrow('SIGN_IN_REFUSED')
    const { signInChallenge: challenge } = await socket.call<{
      signInChallenge: { challengeId: string; challenge: string; instanceId: string }
    }>('query ($id: ID!) { signInChallenge(nodeId: $id) { challengeId challenge instanceId } }', { id: otherNode.nodeId })
    const input = { nodeId: otherNode.nodeId, challengeId: challenge.challengeId, signature: 'AAAA', protocolVersion: 1 }
    const document = 'mutation ($input: SignInInput!) { signIn(input: $input) { sessionId } }'
    await expect(socket.call(document, { input })).rejects.toThrow('SIGN_IN_REFUSED')
    const signature = otherNode.sign(`catalyst-agent-sign-in\n${challenge.challenge}\n${otherNode.nodeId}\n1\n${challenge.instanceId}`)
    await expect(socket.call(document, { input: { ...input, signature } })).rejects.toThrow('SIGN_IN_REFUSED')
    await socket.close()
  })

  it('uses an enrolment token once, and answers its own key again', async () => {
    const token = await enrolmentToken(fleet.administrator, 'third', 27000, 27001)
    await enrolFakeNode(fleet.api.url, token)
    await expect(enrolFakeNode(fleet.api.url, token)).rejects.toThrow('ENROLMENT_REFUSED')
    await expect(enrolFakeNode(fleet.api.url, 'x'.repeat(43))).rejects.toThrow('ENROLMENT_REFUSED')
  })

  it('lets the newer session of a node win, and applies nothing of the older one', async () => {
    const node = await enrolFakeNode(fleet.api.url, await enrolmentToken(fleet.administrator, 'fourth', 28000, 28001))
    const older = await startFakeAgent(fleet.api.url, node)
    const newer = await startFakeAgent(fleet.api.url, node)
    expect(await older.closed).toBe(4409)
    await expect(older.report(serverId, {})).rejects.toThrow()
    await newer.close()
  })
})

describe('order', () => {
  it('gives a node orders of its own servers only', async () => {
    await power(fleet.administrator, 'restart', serverId)
    await fleet.agent.order(isAssignment(serverId, 2))
    expect(JSON.stringify(other.orders)).not.toContain(serverId)
  })

  it('ignores reports that are older than what it knows', async () => {
    const id = await installedServer(fleet)
    await fleet.agent.report(id, { sequence: 50_000, state: 'RUNNING' })
    expect(await fleet.agent.report(id, { sequence: 49_999, state: 'CRASHED' })).toEqual({ applied: 0, ignored: 1 })
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ state: 'RUNNING' })
  })

  it('sends what was ordered while the agent was away, and the newest wish only', async () => {
    const id = await installedServer(fleet)
    await fleet.agent.close()
    await power(fleet.administrator, 'start', id)
    await power(fleet.administrator, 'stop', id).catch(() => undefined)
    await power(fleet.administrator, 'restart', id)
    const agent = await startFakeAgent(fleet.api.url, fleet.node)
    const snapshot = agent.orders.flatMap((order) => (order.__typename === 'AssignmentSnapshotOrder' ? order.assignments : []))
    expect(snapshot.find((assignment) => assignment.serverId === id)).toMatchObject({ desiredState: 'RUNNING' })
    await agent.order(
      (order): order is typeof order & { __typename: 'CommandOrder' } =>
        order.__typename === 'CommandOrder' && order.serverId === id && order.kind === 'RESTART',
    )
    fleet.agent = agent
  })
})
