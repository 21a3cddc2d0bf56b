import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'

export type Order =
  | { __typename: 'AssignmentSnapshotOrder'; assignments: FakeAssignment[]; isLast: boolean }
  | { __typename: 'AssignmentOrder'; assignment: FakeAssignment }
  | {
      __typename: 'CommandOrder'
      id: string
      serverId: string
      kind: string
      generation: number
      consoleInput: string | null
      installationId: string | null
    }
  | { __typename: 'WatchOrder'; serverIds: string[] }

export type FakeAssignment = {
  serverId: string
  generation: number
  desiredState: 'RUNNING' | 'STOPPED'
  isRemoved: boolean
  isInstalled: boolean
  isKill: boolean
  consolePosition: number
  spec: {
    name: string
    startup: string[]
    ports: { port: number }[]
    limits: { memoryMiB: number; cpuPercent: number; cpuset: string }
    stop: { command: string | null; signal: string | null; timeoutSeconds: number }
    restart: { policy: string; cleanExitCodes: number[]; maximumRestarts: number; windowSeconds: number }
    bootPolicy: string
  }
}

/** The identity of a fake node: it outlives connections. */
export type FakeNode = { nodeId: string; storeId: string; sign(text: string): string }

const ORDERS = `subscription { orders { __typename
  ... on AssignmentSnapshotOrder { isLast assignments { ...A } }
  ... on AssignmentOrder { assignment { ...A } }
  ... on CommandOrder { id serverId kind generation consoleInput installationId }
  ... on WatchOrder { serverIds isNodeWatched } } }
fragment A on Assignment { serverId generation desiredState isRemoved isInstalled isKill consolePosition spec { name startup ports { port } limits { memoryMiB cpuPercent cpuset }
  stop { command signal timeoutSeconds } restart { policy cleanExitCodes maximumRestarts windowSeconds } bootPolicy } }`

/** A socket of the control channel without any of the agent's own code: what a stranger could send. */
export type AgentSocket = {
  call<T>(document: string, variables?: Record<string, unknown>): Promise<T>
  /** Code with which the api closed it. */
  closed: Promise<number>
  /** @param query the orders, by default as the agent of now reads them */
  subscribe(onOrder: (order: Order) => void, query?: string): void
  close(): Promise<void>
}

export async function openAgentSocket(url: string): Promise<AgentSocket> {
  const sockets: WebSocket[] = []
  const closed = Promise.withResolvers<number>()
  class Socket extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols)
      sockets.push(this)
      this.on('close', closed.resolve)
    }
  }
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/agent`,
    webSocketImpl: Socket,
    lazy: false,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
  })
  await new Promise<void>((resolve, reject) => {
    client.on('connected', () => {
      resolve()
    })
    client.on('closed', () => {
      reject(new Error('the control channel was closed'))
    })
  })
  return {
    closed: closed.promise,
    async call<T>(document: string, variables: Record<string, unknown> = {}) {
      for await (const result of client.iterate<T>({ query: document, variables })) {
        const [error] = result.errors ?? []
        if (error !== undefined) throw new Error(typeof error.extensions?.['code'] === 'string' ? error.extensions['code'] : error.message)
        if (result.data != null) return result.data
      }
      throw new Error('no answer')
    },
    subscribe(onOrder, query = ORDERS) {
      const next = ({ data }: { data?: { orders: Order } | null }) => {
        if (data != null) onOrder(data.orders)
      }
      client.subscribe<{ orders: Order }>({ query }, { next, error: () => undefined, complete: () => undefined })
    },
    async close() {
      await client.dispose()
      for (const socket of sockets) if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close')
    },
  }
}

/** Makes a node of an enrolment token. */
export async function enrolFakeNode(url: string, token: string): Promise<FakeNode> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const socket = await openAgentSocket(url)
  const { enrolNode } = await socket.call<{ enrolNode: { nodeId: string } }>(
    'mutation ($input: EnrolNodeInput!) { enrolNode(input: $input) { nodeId } }',
    {
      input: { token, publicKey: publicKey.export({ format: 'jwk' }).x, agentVersion: 'fake' },
    },
  )
  await socket.close()
  return {
    nodeId: enrolNode.nodeId,
    storeId: randomUUID(),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url'),
  }
}

/** @param protocolVersion what the agent speaks */
export async function signInFakeNode(socket: AgentSocket, node: FakeNode, protocolVersion = 2): Promise<void> {
  const { signInChallenge: challenge } = await socket.call<{
    signInChallenge: { challengeId: string; challenge: string; instanceId: string }
  }>('query ($id: ID!) { signInChallenge(nodeId: $id) { challengeId challenge instanceId } }', { id: node.nodeId })
  const signature = node.sign(
    `catalyst-agent-sign-in\n${challenge.challenge}\n${node.nodeId}\n${String(protocolVersion)}\n${challenge.instanceId}`,
  )
  await socket.call('mutation ($input: SignInInput!) { signIn(input: $input) { sessionId } }', {
    input: { nodeId: node.nodeId, challengeId: challenge.challengeId, signature, protocolVersion },
  })
}
