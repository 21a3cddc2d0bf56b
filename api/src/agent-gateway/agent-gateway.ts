import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { GraphQLError, type ExecutionResult } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import type { Logger } from 'pino'
import { WebSocketServer, type WebSocket } from 'ws'
import { isUnavailable } from '../db/unavailable.ts'
import { DomainError, ServiceUnavailableError } from '../lib/errors.ts'
import type { AgentContext, AgentSocket } from './agent-builder.ts'
import { createAgentGatewayService, type AgentGatewayDeps, type AgentGatewayService } from './agent-gateway-service.ts'
import { agentSchema } from './agent-schema.ts'
import { HEARTBEAT_SECONDS } from './agent-sign-in.ts'
import { createKnownDocuments } from './known-documents.ts'

/** The endpoint of agents: one socket is one session. */
export type AgentGateway = {
  /** Before the first socket: nobody is connected to a process that has just begun, whatever the one before it has left. */
  start(): Promise<void>
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  consoleBytes: AgentGatewayService['consoleBytes']
  /** Closes every session with 1001. */
  stop(): Promise<void>
}

const LARGEST_MESSAGE = 2 ** 20
/** For sign-in, and then between heartbeats: three of them missed. */
const SILENCE_MS = HEARTBEAT_SECONDS * 3 * 1000

/** Operations of one socket at once: before it has signed in, and after. */
const MOST_OPERATIONS = { before: 4, after: 1000 }

/** Errors that are the agent's business pass; everything else is logged and hidden. */
function mask(error: GraphQLError, log: Logger): GraphQLError {
  const { originalError } = error
  if (originalError == null || originalError instanceof GraphQLError) return error
  if (originalError instanceof DomainError) return new GraphQLError(originalError.message, { extensions: { code: originalError.code } })
  if (isUnavailable(originalError)) {
    log.warn({ err: originalError }, 'an agent’s operation found no database')
    const { message, code } = new ServiceUnavailableError()
    return new GraphQLError(message, { extensions: { code } })
  }
  log.error({ err: originalError }, 'an agent’s operation failed')
  return new GraphQLError('Unexpected error.', { extensions: { code: 'INTERNAL' } })
}

export function createAgentGateway(deps: AgentGatewayDeps): AgentGateway {
  const { log } = deps
  const service = createAgentGatewayService(deps)
  const server = new WebSocketServer({ noServer: true, maxPayload: LARGEST_MESSAGE, perMessageDeflate: false })
  const contexts = new WeakMap<WebSocket, AgentContext>()
  const documents = createKnownDocuments()
  const stopping = new AbortController()
  const endings = new Set<Promise<void>>()

  server.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    const ended = new AbortController()
    const state: AgentSocket = {
      agent: null,
      protocolVersion: 0,
      storeId: null,
      challenge: null,
      address: request.socket.remoteAddress ?? null,
      signal: ended.signal,
      pause: () => {
        socket.pause()
      },
      resume: () => {
        socket.resume()
      },
      close: (code, reason) => {
        socket.close(code, reason)
        // A peer that does not answer the close is cut.
        setTimeout(() => {
          socket.terminate()
        }, 1000).unref()
      },
    }
    contexts.set(socket, { socket: state, service })
    const silence = setTimeout(() => {
      state.close(4408, state.agent === null ? 'no sign-in in time' : 'no heartbeat in time')
    }, SILENCE_MS)
    socket.on('message', () => {
      // Before sign-in talking alone buys no time.
      if (state.agent !== null) silence.refresh()
    })
    socket.on('close', () => {
      clearTimeout(silence)
      ended.abort()
      const ending = service.disconnected(state, stopping.signal).finally(() => endings.delete(ending))
      endings.add(ending)
    })
    socket.on('error', (error) => {
      log.warn({ err: error }, 'agent socket')
    })
  })

  const disposable = useServer<Record<string, unknown>, { socket: WebSocket }>(
    {
      schema: agentSchema,
      parse: documents.parse,
      validate: documents.validate,
      // A new one for each operation: the answers about scopes are kept with it, and sign-in changes them.
      context: ({ extra }) => ({ ...contexts.get(extra.socket) }),
      onSubscribe: ({ extra, subscriptions }) => {
        const state = contexts.get(extra.socket)
        const most = state?.socket.agent == null ? MOST_OPERATIONS.before : MOST_OPERATIONS.after
        if (Object.keys(subscriptions).length > most) {
          state?.socket.close(4429, 'too many operations at once')
          return [new GraphQLError('Too many operations at once.', { extensions: { code: 'RATE_LIMITED' } })]
        }
        return undefined
      },
      onError: (_context, _id, _payload, errors) => errors.map((error) => mask(error, log)),
      onNext: (_context, _id, _payload, _args, result: ExecutionResult) =>
        result.errors === undefined ? undefined : { ...result, errors: result.errors.map((error) => mask(error, log)) },
    },
    server,
    HEARTBEAT_SECONDS * 1000,
  )

  return {
    start: () => service.forgetSessions(),
    consoleBytes: service.consoleBytes,
    handleUpgrade(request, socket, head) {
      server.handleUpgrade(request, socket, head, (client) => {
        server.emit('connection', client, request)
      })
    },
    async stop() {
      for (const client of server.clients) {
        // One that is not read would not be heard to answer.
        if (client.isPaused) client.terminate()
        else client.close(1001, 'the api is stopping')
      }
      await disposable.dispose()
      server.close()
      stopping.abort()
      await Promise.all(endings)
    },
  }
}
