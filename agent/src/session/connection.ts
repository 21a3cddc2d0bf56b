import { createClient } from 'graphql-ws/client'
import { WebSocket } from 'ws'
import type { TypedDocumentString } from '../gql/graphql.ts'

/** The api refused an operation; `code` is its `extensions.code`. */
export class OperationError extends Error {
  override readonly name = 'OperationError'
  readonly code: string
  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

/** One socket to the api. It never connects again by itself: a lost one is replaced whole. */
export type Connection = {
  /** Result of a query or mutation. Rejects when refused or when the socket is lost. */
  call<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data>
  /** Calls `onData` in order for what a subscription gives; resolves when the api ends it. */
  listen<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables, onData: (data: Data) => void): Promise<void>
  /** What was sent and has not left this machine. */
  waitingBytes(): number
  /** Resolves with the reason when the socket is closed, by whomever. */
  closed: Promise<string>
  close(): void
}

const KEEP_ALIVE_MS = 10_000
const LARGEST_MESSAGE = 4 * 2 ** 20

/** Dials the api; rejects when it cannot be reached, or when `signal` aborts before it is. */
export async function connect(url: string, signal?: AbortSignal): Promise<Connection> {
  const closed = Promise.withResolvers<string>()
  const opened = Promise.withResolvers<void>()
  opened.promise.catch(() => undefined)
  let socketError: string | null = null
  let waitingBytes = () => 0
  class LimitedSocket extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { maxPayload: LARGEST_MESSAGE, handshakeTimeout: 10_000, perMessageDeflate: false })
      // The client takes its own listener off when it gives a socket up; an error after that must not end the agent.
      this.on('error', (error) => {
        // Several addresses were tried: then only the codes say anything.
        socketError = error.message || ('code' in error ? String(error.code) : null)
      })
    }
  }
  let pongTimer: NodeJS.Timeout | undefined
  const client = createClient({
    url,
    webSocketImpl: LimitedSocket,
    lazy: false,
    retryAttempts: 0,
    keepAlive: KEEP_ALIVE_MS,
    // Without it a peer that takes the socket and says nothing would be waited for without end.
    connectionAckWaitTimeout: KEEP_ALIVE_MS,
    onNonLazyError: (error) => {
      const reason =
        error instanceof Error
          ? error.message
          : 'code' in Object(error)
            ? `closed with ${String((error as { code: unknown }).code)}`
            : 'the socket failed'
      opened.reject(new Error(reason))
      closed.resolve(reason)
    },
    on: {
      opened: (socket) => {
        waitingBytes = () => (socket as WebSocket).bufferedAmount
      },
      connected: () => {
        opened.resolve()
      },
      // A half-open connection answers nothing: the client itself would wait for ever.
      ping: (wasReceived) => {
        if (!wasReceived)
          pongTimer = setTimeout(() => {
            client.terminate()
          }, KEEP_ALIVE_MS)
      },
      pong: (wasReceived) => {
        if (wasReceived) clearTimeout(pongTimer)
      },
      closed: (event) => {
        clearTimeout(pongTimer)
        const { code, reason } = event as { code?: number; reason?: string }
        // A failed socket closes with 1006 whatever was wrong with it.
        const why = socketError ?? `closed with ${String(code)} ${reason ?? ''}`.trim()
        closed.resolve(why)
        opened.reject(new Error(why))
      },
    },
  })
  /** Not waited for: the peer may say nothing. A connection that is failing just now makes it fail too. */
  const dispose = () => {
    Promise.resolve(client.dispose()).catch(() => undefined)
  }
  const giveUp = () => {
    client.terminate()
    opened.reject(new Error('stopped'))
  }
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    await opened.promise
  } catch (error) {
    dispose()
    throw error
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }

  function run(query: string, variables: Record<string, unknown>, onData: (data: unknown) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      client.subscribe(
        { query, variables },
        {
          next(result) {
            const [error] = result.errors ?? []
            if (error !== undefined)
              reject(
                new OperationError(error.message, typeof error.extensions?.['code'] === 'string' ? error.extensions['code'] : 'UNKNOWN'),
              )
            else if (result.data != null) onData(result.data)
          },
          error(error) {
            if (!Array.isArray(error)) {
              reject(error instanceof Error ? error : new Error('the socket was closed'))
              return
            }
            const [first] = error as { message: string; extensions?: Record<string, unknown> }[]
            reject(
              new OperationError(
                first?.message ?? 'refused',
                typeof first?.extensions?.['code'] === 'string' ? first.extensions['code'] : 'UNKNOWN',
              ),
            )
          },
          complete: resolve,
        },
      )
    })
  }

  /** Ends of calls without an answer. */
  const calls = new Set<(error: Error) => void>()
  let lostBecause: string | null = null
  void closed.promise.then((reason) => {
    lostBecause = reason
    for (const end of calls) end(new Error(reason))
  })

  return {
    async call<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables) {
      if (lostBecause !== null) throw new Error(lostBecause)
      let answer: Data | undefined
      const ended = Promise.withResolvers<void>()
      // Not a race with `closed`: it would hold on to every call for as long as the connection lasts.
      calls.add(ended.reject)
      run(document.toString(), variables as Record<string, unknown>, (data) => {
        answer = data as Data
      }).then(ended.resolve, ended.reject)
      try {
        await ended.promise
      } finally {
        calls.delete(ended.reject)
      }
      if (answer === undefined) throw new Error('the api ended the call without an answer')
      return answer
    },
    listen: <Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables, onData: (data: Data) => void) =>
      run(document.toString(), variables as Record<string, unknown>, (data) => {
        onData(data as Data)
      }),
    waitingBytes: () => waitingBytes(),
    closed: closed.promise,
    close: dispose,
  }
}
