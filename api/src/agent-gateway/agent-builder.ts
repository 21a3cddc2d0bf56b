import SchemaBuilder from '@pothos/core'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import { GraphQLError } from 'graphql'
import type { AgentActor } from '../lib/actor.ts'
import type { AgentGatewayService } from './agent-gateway-service.ts'

/** One socket of an agent. */
export type AgentSocket = {
  /** null before sign-in. */
  agent: AgentActor | null
  /** What was spoken at sign-in; 0 before it. */
  protocolVersion: number
  /** Of the agent's store, from hello. */
  storeId: string | null
  challenge: { id: string; text: string; nodeId: string; expiresAt: number } | null
  address: string | null
  /** Ends when the socket does. */
  signal: AbortSignal
  /** Reads nothing more until `resume`. One that is not read for several heartbeats ends. */
  pause(): void
  resume(): void
  close(code: number, reason: string): void
}

export type AgentContext = { socket: AgentSocket; service: AgentGatewayService }

/** Builder of the control channel's schema: its own version, its own rules. */
export const agentBuilder = new SchemaBuilder<{
  Context: AgentContext
  DefaultFieldNullability: false
  DefaultAuthStrategy: 'all'
  /** `public`: before sign-in; `agent`: a signed-in node. */
  AuthScopes: { public: boolean; agent: boolean }
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    SafeInt: { Input: number; Output: number }
  }
}>({
  plugins: [ScopeAuthPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    defaultStrategy: 'all',
    authorizeOnSubscribe: true,
    authScopes: ({ socket }) => ({ public: true, agent: socket.agent !== null }),
    unauthorizedError: () => new GraphQLError('Sign in first.', { extensions: { code: 'UNAUTHENTICATED' } }),
  },
})

agentBuilder.queryType({})
agentBuilder.mutationType({})
agentBuilder.subscriptionType({})

agentBuilder.scalarType('DateTime', {
  description: 'A point in time: UTC with milliseconds, RFC 3339.',
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    const date = new Date(typeof value === 'string' && value.length <= 40 ? value : Number.NaN)
    // What no column can hold would be sent again for ever.
    if (Number.isNaN(date.getTime()) || date.getTime() < 0 || date.getUTCFullYear() > 9999)
      throw new GraphQLError('A DateTime is an RFC 3339 text of a year from 1970 to 9999.')
    return date
  },
})

agentBuilder.scalarType('SafeInt', {
  description: 'An integer within ±(2^53-1), a JSON number.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (!Number.isSafeInteger(value) || Number(value) < 0) throw new GraphQLError('A SafeInt is a whole number from 0 on.')
    return Number(value)
  },
})
