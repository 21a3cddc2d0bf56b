import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { GraphQLError, type DocumentNode, type ExecutionArgs, type ExecutionResult, type GraphQLSchema } from 'graphql'
import { useServer, type Extra } from 'graphql-ws/use/ws'
import type { Logger } from 'pino'
import { WebSocket, WebSocketServer } from 'ws'
import type { EventBus } from '../events/event-bus.ts'
import type { Context, Services } from '../graphql/context.ts'
import { MAX_BODY_BYTES } from '../graphql/limits.ts'
import type { Pipeline } from '../graphql/pipeline.ts'
import type { UserActor } from '../lib/actor.ts'
import { plainAddress } from '../lib/address.ts'
import { newId } from '../lib/ids.ts'
import { bearerToken } from './identify.ts'
import type { OriginVerdict } from './origin.ts'
import type { SessionCookies } from './session-cookie.ts'
import { createSocketOutlet } from './socket-outlet.ts'

export type GraphqlSocketDeps = {
  pipeline: Pipeline
  services: Services
  cookies: SessionCookies
  checkOrigin: (request: IncomingMessage) => OriginVerdict
  bus: EventBus
  logger: Logger
}

export type GraphqlSocket = {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Looks at every open session again and closes those that are over; for when revocations may have been missed. */
  recheck(): Promise<void>
  /** What clients have not read yet. */
  waitingBytes(): number
  stop(): Promise<void>
}

const MOST_OPERATIONS = 100
/** A client that does not read: events wait in the socket. */
const MOST_BUFFERED_BYTES = 16 * 1024 * 1024
const INIT_TIMEOUT_MS = 10_000
/** A closed socket that does not answer is cut. */
const CLOSE_TIMEOUT_MS = 500
const RECHECK_MS = 60_000
const FORBIDDEN = 4403

/** What a socket signed in with. */
type Session = { token: string; actor: UserActor }
/** Parse, validate and execute with all plugins, for one operation. */
type Envelop = {
  schema: GraphQLSchema
  parse(source: string): DocumentNode
  validate(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[]
  contextFactory(): Promise<Context> | Context
  execute(args: ExecutionArgs): Promise<ExecutionResult>
  subscribe(args: ExecutionArgs): Promise<Results | ExecutionResult>
}
type SocketContext = { extra: Extra; subscriptions: Record<string, unknown> }

const addressOf = (request: IncomingMessage) =>
  request.socket.remoteAddress === undefined ? null : plainAddress(request.socket.remoteAddress)

type Results = AsyncGenerator<ExecutionResult, void, void>

const isAsyncIterable = (result: unknown): result is Results =>
  typeof result === 'object' && result !== null && Symbol.asyncIterator in result

function abortOnReturn(results: Results, operation: AbortController): Results {
  const wrapped: Results = {
    [Symbol.asyncIterator]: () => wrapped,
    [Symbol.asyncDispose]: async () => {
      await wrapped.return()
    },
    next: () => results.next(),
    return: (value) => {
      operation.abort()
      return results.return(value)
    },
    throw: (error: unknown) => {
      operation.abort()
      return results.throw(error)
    },
  }
  return wrapped
}

/**
 * GraphQL over WebSocket (graphql-transport-ws). Operations take the same pipeline as over HTTP. The end of a session closes
 * its sockets, and with them every stream on them.
 */
export function createGraphqlSocket({ pipeline, services, cookies, checkOrigin, bus, logger }: GraphqlSocketDeps): GraphqlSocket {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES, clientTracking: true, perMessageDeflate: false })
  const sessions = new Map<WebSocket, Session>()
  /** Ends the operations of a socket together with it. */
  const closings = new WeakMap<WebSocket, AbortController>()
  /** Ends one operation, by the signal in its context. */
  const operations = new WeakMap<AbortSignal, AbortController>()

  const end = (socket: WebSocket) => {
    sessions.delete(socket)
    closings.get(socket)?.abort()
    socket.close(FORBIDDEN, 'Forbidden')
    // A client that ignores the closing handshake keeps nothing open.
    setTimeout(() => {
      socket.terminate()
    }, CLOSE_TIMEOUT_MS).unref()
  }

  const authenticate = (request: IncomingMessage, token: string) =>
    services.auth.authenticate(token, { address: addressOf(request), userAgent: request.headers['user-agent'] ?? null })

  /** The token that a socket came with, and whether it came with any. The Origin was checked at the upgrade. */
  const tokenOf = (request: IncomingMessage, parameters: Readonly<Record<string, unknown>> | undefined) => {
    const authorization = parameters?.['authorization'] ?? parameters?.['Authorization']
    if (authorization !== undefined) return { token: bearerToken(authorization), isGiven: true }
    const cookie = checkOrigin(request) === 'own' ? cookies.read(request.headers.cookie) : null
    return { token: cookie, isGiven: cookie !== null }
  }

  const contextOf = async ({ extra: { socket, request } }: SocketContext, operationId: string): Promise<Context> => {
    const session = sessions.get(socket)
    // Read again for each operation: rights may have changed since the socket was opened.
    const actor = session === undefined ? null : await authenticate(request, session.token)
    if (session !== undefined && actor === null) end(socket)
    const operation = new AbortController()
    const signal = AbortSignal.any([closings.get(socket)?.signal ?? AbortSignal.abort(), operation.signal])
    operations.set(signal, operation)
    return {
      actor,
      services,
      requestId: newId(),
      address: addressOf(request),
      userAgent: request.headers['user-agent'] ?? null,
      cookie: null,
      outlet: createSocketOutlet(socket, request.socket, operationId),
      signal,
    }
  }

  const disposable = useServer(
    {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      onConnect: async ({ connectionParams, extra: { socket, request } }) => {
        const controller = new AbortController()
        closings.set(socket, controller)
        socket.once('close', () => {
          sessions.delete(socket)
          controller.abort()
        })
        const { token, isGiven } = tokenOf(request, connectionParams)
        if (!isGiven) return true
        const actor = token === null ? null : await authenticate(request, token)
        // The answer false closes with 4403.
        if (actor === null || token === null) return false
        if (socket.readyState === WebSocket.OPEN) sessions.set(socket, { token, actor })
        return true
      },
      onSubscribe: async (socketContext, id, parameters) => {
        if (Object.keys(socketContext.subscriptions).length > MOST_OPERATIONS) {
          return [
            new GraphQLError(`A socket carries at most ${String(MOST_OPERATIONS)} operations at once.`, {
              extensions: { code: 'LIMIT_EXCEEDED' },
            }),
          ]
        }
        const catalyst = await contextOf(socketContext, id)
        const envelop: Envelop = pipeline.getEnveloped({ catalyst, params: parameters })
        try {
          const document = envelop.parse(parameters.query)
          const errors = envelop.validate(envelop.schema, document)
          if (errors.length > 0) return errors
          const args: ExecutionArgs = {
            schema: envelop.schema,
            document,
            operationName: parameters.operationName,
            variableValues: parameters.variables,
            contextValue: await envelop.contextFactory(),
            rootValue: envelop,
          }
          return args
        } catch (error) {
          if (error instanceof GraphQLError) return [error]
          throw error
        }
      },
      execute: (args) => (args.rootValue as Envelop).execute(args),
      subscribe: (args) => (args.rootValue as Envelop).subscribe(args),
      // A generator that waits for its next event hears of `return` only after that event: the signal tells it at once.
      onOperation: (_context, _id, _payload, args, result) => {
        if (!isAsyncIterable(result)) return result
        const operation = operations.get((args.contextValue as Context).signal)
        return operation === undefined ? result : abortOnReturn(result, operation)
      },
      onNext: ({ extra: { socket } }) => {
        if (socket.bufferedAmount > MOST_BUFFERED_BYTES) socket.terminate()
      },
    },
    server,
  )

  const off = bus.on('session-revoked', ({ userId, sessionId }) => {
    for (const [socket, { actor }] of sessions)
      if (actor.id === userId && (sessionId === null || actor.sessionId === sessionId)) end(socket)
  })

  const recheck = async () => {
    for (const [socket, { token, actor }] of [...sessions]) {
      const now = await services.auth.authenticate(token, { address: actor.address, userAgent: null })
      // Other rights than at the start of its streams: the client dials again and gets what it may have now.
      if (now?.scopeKey !== actor.scopeKey) end(socket)
    }
  }
  const timer = setInterval(() => {
    recheck().catch((error: unknown) => {
      logger.error({ err: error }, 'sessions of sockets could not be checked')
    })
  }, RECHECK_MS)

  return {
    handleUpgrade(request, socket, head) {
      server.handleUpgrade(request, socket, head, (webSocket) => {
        // Broken frames and cut lines: graphql-ws listens for the first error only, and a second would end the process.
        webSocket.on('error', (error) => {
          logger.debug({ err: error }, 'a socket broke')
        })
        server.emit('connection', webSocket, request)
      })
    },
    recheck,
    waitingBytes: () => [...server.clients].reduce((total, client) => total + client.bufferedAmount, 0),
    async stop() {
      clearInterval(timer)
      off()
      const cut = setTimeout(() => {
        for (const socket of server.clients) socket.terminate()
      }, CLOSE_TIMEOUT_MS)
      await disposable.dispose()
      clearTimeout(cut)
    },
  }
}
