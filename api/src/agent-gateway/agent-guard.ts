import type { Database, Transaction } from '../db/database.ts'
import type { AgentActor } from '../lib/actor.ts'
import { createGate, type Gate } from '../lib/gate.ts'
import { isId } from '../lib/ids.ts'
import type { AgentSocket } from './agent-builder.ts'
import { refuse } from './refuse.ts'

/** A signed-in agent that has said hello. */
export type GreetedAgent = AgentActor & { storeId: string; protocolVersion: number }

/** What every field asks before it does anything. */
export type AgentGuard = {
  /** @throws UNAUTHENTICATED, HELLO_EXPECTED */
  agentOf(socket: AgentSocket): GreetedAgent
  /** @throws FORBIDDEN when one of the servers is not on the agent's node: then nothing of the message counts */
  assertOwn(socket: AgentSocket, agent: AgentActor, serverIds: readonly string[]): Promise<void>
  /** Lets a node's questions to the database in, few at a time: one that asks without end would take every connection. */
  inTurn<T>(socket: AgentSocket, work: () => Promise<T>): Promise<T>
  /** True for a server that was seen to be on the node of this socket. */
  isOwn(socket: AgentSocket, serverId: string): boolean
  /**
   * Runs a write only while this is the node's session: an older socket changes nothing any more. One at a time for each
   * node: two that shared its row would wait for each other, and a node that talks without end would take every connection.
   */
  write<T>(socket: AgentSocket, agent: AgentActor, run: (tx: Transaction) => Promise<T>): Promise<T>
}

const QUESTIONS_AT_ONCE = 2

/** A gate for each socket. */
function createGates(limit: number): (socket: AgentSocket) => Gate {
  const gates = new WeakMap<AgentSocket, Gate>()
  return (socket) => {
    const gate = gates.get(socket) ?? createGate(limit)
    gates.set(socket, gate)
    return gate
  }
}

export function createAgentGuard({ db }: { db: Database }): AgentGuard {
  /** Consoles are pushed far too often to ask the database each time. */
  const owned = new WeakMap<AgentSocket, Set<string>>()
  const writing = createGates(1)
  const asking = createGates(QUESTIONS_AT_ONCE)

  return {
    agentOf({ agent, storeId, protocolVersion }) {
      if (agent === null) throw refuse('Sign in first.', 'UNAUTHENTICATED')
      if (storeId === null) throw refuse('Say hello first.', 'HELLO_EXPECTED')
      return { ...agent, storeId, protocolVersion }
    },

    async assertOwn(socket, agent, serverIds) {
      const known = owned.get(socket) ?? new Set()
      owned.set(socket, known)
      const unknown = [...new Set(serverIds)].filter((id) => !known.has(id))
      if (unknown.length === 0) return
      const foreign = refuse('This server is not on this node.', 'FORBIDDEN')
      if (!unknown.every(isId)) throw foreign
      const where = { where: { id: { in: unknown } }, select: { id: true, nodeId: true } }
      const [found, gone] = await asking(socket)(() =>
        Promise.all([db.prisma.server.findMany(where), db.prisma.serverTombstone.findMany(where)]),
      )
      if ([...found, ...gone].some((server) => server.nodeId !== agent.id)) throw foreign
      for (const { id } of found) known.add(id)
      // One that is gone altogether was removed a moment ago; whose it was cannot be told any more, and nothing is applied.
    },

    inTurn: (socket, work) => asking(socket)(work),

    isOwn: (socket, serverId) => owned.get(socket)?.has(serverId) === true,

    write(socket, agent, run) {
      return writing(socket)(() =>
        db.transaction(async (tx) => {
          const [node] = await tx.prisma.$queryRaw<
            { sessionId: string | null }[]
          >`select "sessionId" from "Node" where id = ${agent.id}::uuid for no key update`
          if (node?.sessionId !== agent.sessionId) {
            socket.close(4409, 'replaced by a newer session')
            throw refuse('A newer session of this node has taken over.', 'SESSION_REPLACED')
          }
          return run(tx)
        }),
      )
    },
  }
}
