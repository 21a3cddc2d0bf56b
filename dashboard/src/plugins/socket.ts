import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { print } from 'graphql'
import { createClient, type Client } from 'graphql-ws'
import type { InjectionKey } from 'vue'
import type { Connection } from '../composables/use-connection.ts'
import { injectStrict } from '../composables/inject-strict.ts'

const PING_MS = 10_000
const LONGEST_WAIT_MS = 15_000

/** The live connection. It comes with the session cookie, and tries again for ever while something is subscribed. */
export function createSocket(url: string, connection: Connection): Client {
  let unanswered: ReturnType<typeof setTimeout> | null = null
  const answered = () => {
    if (unanswered !== null) clearTimeout(unanswered)
    unanswered = null
  }
  const client = createClient({
    url,
    lazy: true,
    lazyCloseTimeout: 3000,
    keepAlive: PING_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (retries) => connection.wait(Math.min(LONGEST_WAIT_MS, 500 * 2 ** Math.min(retries, 5)) * (0.5 + Math.random() / 2)),
    on: {
      connected: () => {
        connection.opened()
      },
      closed: (event) => {
        answered()
        if ((event as CloseEvent).code === 1000) connection.left()
        else connection.closed()
      },
      ping: (received) => {
        if (received) return
        // A half-open socket never closes by itself.
        unanswered ??= setTimeout(() => {
          client.terminate()
        }, PING_MS / 2)
      },
      pong: (received) => {
        if (received) answered()
      },
    },
  })
  return client
}

export type StreamSink<T> = {
  next(data: T): void
  /** Refused or failed; `codes` are those of the errors. */
  failed(codes: string[], message: string): void
  ended(): void
}

function codeOf({ extensions }: { extensions?: Record<string, unknown> }): string {
  const code = extensions?.['code']
  return typeof code === 'string' ? code : 'UNKNOWN'
}

/** Subscribes past the cache. Returns its end. */
export function openStream<T, V extends Record<string, unknown>>(
  client: Client,
  document: TypedDocumentNode<T, V>,
  variables: V,
  sink: StreamSink<T>,
): () => void {
  return client.subscribe<T>(
    { query: print(document), variables },
    {
      next: ({ data, errors }) => {
        if (errors !== undefined && errors.length > 0) {
          sink.failed(errors.map(codeOf), errors[0]?.message ?? '')
        } else if (data != null) sink.next(data)
      },
      error: (error) => {
        const errors = Array.isArray(error) ? (error as { message: string; extensions?: Record<string, unknown> }[]) : []
        sink.failed(errors.map(codeOf), errors[0]?.message ?? '')
      },
      complete: () => {
        sink.ended()
      },
    },
  )
}

export const socketKey: InjectionKey<Client> = Symbol('socket')
export const useSocket = () => injectStrict(socketKey)
