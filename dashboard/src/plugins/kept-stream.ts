import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import type { Client } from 'graphql-ws'
import { openStream } from './socket.ts'

const AGAIN_MS = 2000

/** Subscribes past the cache, and again when the stream ends or fails, until it is refused. Returns its end. */
export function keepStream<T, V extends Record<string, unknown>>(
  client: Client,
  document: TypedDocumentNode<T, V>,
  variables: V,
  sink: { next(data: T): void; refused(): void },
): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null
  let close: () => void = () => undefined
  // A stream tells its end also when it is closed here, and after its failure: only that of the present one counts, once.
  let turn = 0
  const open = () => {
    timer = null
    const mine = ++turn
    const again = () => {
      if (mine === turn) timer ??= setTimeout(open, AGAIN_MS)
    }
    close()
    close = openStream(client, document, variables, {
      next: sink.next,
      failed: (codes) => {
        if (!codes.includes('FORBIDDEN') && !codes.includes('NOT_FOUND')) {
          again()
          return
        }
        turn += 1
        sink.refused()
      },
      ended: again,
    })
  }
  open()
  return () => {
    turn += 1
    if (timer !== null) clearTimeout(timer)
    close()
  }
}
