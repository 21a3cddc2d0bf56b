import { createPublicKey, randomBytes, verify } from 'node:crypto'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import { isId, newId } from '../lib/ids.ts'
import { createRateLimiter } from '../lib/rate-limiter.ts'
import type { EnrolmentService } from '../modules/nodes/enrolment-service.ts'
import type { AgentSocket } from './agent-builder.ts'
import { plainName } from './plain-text.ts'
import { refuse } from './refuse.ts'

/** What an agent may do before anybody knows who it is. */
export type AgentSignIn = {
  enrol(
    socket: AgentSocket,
    input: { token: string; publicKey: string; agentVersion: string; nodeId?: string | null | undefined },
  ): Promise<{ nodeId: string; nodeName: string; instanceId: string }>
  challenge(socket: AgentSocket, nodeId: string): { challengeId: string; challenge: string; instanceId: string; protocolVersion: number }
  signIn(
    socket: AgentSocket,
    input: { nodeId: string; challengeId: string; signature: string; protocolVersion: number },
  ): Promise<{ sessionId: string; heartbeatSeconds: number; sampleSeconds: number; serverTime: Date }>
}

/** Oldest first: what this api speaks. */
const PROTOCOL_VERSIONS = [1, 2] as const
/** Three missed ones and the node counts as away: 15 s. */
export const HEARTBEAT_SECONDS = 5
const SAMPLE_SECONDS = 30
const CHALLENGE_MS = 30_000
const TRIES_PER_MINUTE = 60
/** The DER frame around a raw Ed25519 public key. */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** True for the signature of this node's key over what the protocol says is signed. */
function isSigned(publicKey: Uint8Array, text: string, signature: string): boolean {
  const key = createPublicKey({ key: Buffer.concat([ED25519_PREFIX, publicKey]), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
}

export type AgentSignInDeps = {
  db: Database
  instanceId: string
  enrolment: EnrolmentService
  monotonicMs: () => number
  /** The newest socket of a node; an older one is closed. */
  sockets: Map<string, AgentSocket>
  log: Logger
}

export function createAgentSignIn({ db, instanceId, enrolment, monotonicMs, sockets, log }: AgentSignInDeps): AgentSignIn {
  const limiter = createRateLimiter(TRIES_PER_MINUTE, 60, monotonicMs)

  function assertTry(socket: AgentSocket): void {
    if (limiter.take(socket.address ?? '') > 0) {
      socket.close(4429, 'too many tries')
      throw refuse('Too many tries.', 'RATE_LIMITED')
    }
  }

  return {
    async enrol(socket, { token, publicKey, agentVersion, nodeId }) {
      assertTry(socket)
      const key = new Uint8Array(Buffer.from(publicKey, 'base64url'))
      if (key.length !== 32) throw refuse('The public key is not one of Ed25519.', 'INVALID_KEY')
      try {
        const node = await enrolment.enrol({ token, publicKey: key, agentVersion: plainName(agentVersion, 32), machine: nodeId ?? null })
        return { nodeId: node.id, nodeName: node.name, instanceId }
      } catch (error) {
        if (error instanceof Error && error.name === 'EnrolmentRefusedError') throw refuse(error.message, 'ENROLMENT_REFUSED')
        throw error
      }
    },

    challenge(socket, nodeId) {
      assertTry(socket)
      // Given for unknown nodes too: nobody can ask which nodes there are.
      const challenge = { id: newId(), text: randomBytes(32).toString('base64url'), nodeId, expiresAt: monotonicMs() + CHALLENGE_MS }
      socket.challenge = challenge
      return {
        challengeId: challenge.id,
        challenge: challenge.text,
        instanceId,
        protocolVersion: Math.max(...PROTOCOL_VERSIONS),
      }
    },

    async signIn(socket, { nodeId, challengeId, signature, protocolVersion }) {
      assertTry(socket)
      const { challenge } = socket
      socket.challenge = null
      const refusal = refuse('The sign-in was refused.', 'SIGN_IN_REFUSED')
      if (!(PROTOCOL_VERSIONS as readonly number[]).includes(protocolVersion))
        throw refuse(`This api speaks the protocol versions ${PROTOCOL_VERSIONS.join(' and ')}.`, 'PROTOCOL_VERSION')
      if (challenge?.id !== challengeId || challenge.nodeId !== nodeId || challenge.expiresAt < monotonicMs()) throw refusal
      const node = isId(nodeId) ? await db.prisma.node.findUnique({ where: { id: nodeId } }) : null
      const text = `catalyst-agent-sign-in\n${challenge.text}\n${nodeId}\n${String(protocolVersion)}\n${instanceId}`
      if (node === null || !isSigned(node.publicKey, text, signature)) throw refusal
      const sessionId = newId()
      // The key that signed must still be the node's: a re-key that was committed meanwhile wins.
      const { count } = await db.prisma.node.updateMany({
        where: { id: nodeId, publicKey: node.publicKey },
        data: { sessionId, protocolVersion, lastSeenAt: new Date() },
      })
      if (count === 0) throw refusal
      const older = sockets.get(nodeId)
      sockets.set(nodeId, socket)
      socket.protocolVersion = protocolVersion
      socket.agent = { kind: 'agent', id: nodeId, name: node.name, sessionId }
      older?.close(4409, 'replaced by a newer session')
      log.info({ nodeId, node: node.name }, 'agent signed in')
      return { sessionId, heartbeatSeconds: HEARTBEAT_SECONDS, sampleSeconds: SAMPLE_SECONDS, serverTime: new Date() }
    },
  }
}
