import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Outlet } from '../graphql/outlet.ts'

/** Writes `next` messages of one operation beside graphql-ws, which keeps everything else of the protocol. */
export function createSocketOutlet(webSocket: WebSocket, connection: Duplex, operationId: string): Outlet {
  const prefix = Buffer.from(`{"id":${JSON.stringify(operationId)},"type":"next","payload":`)
  return {
    send(body) {
      if (webSocket.readyState !== webSocket.OPEN) return
      // Two fragments of one text message, its own beginning and the shared rest, without copying; one system call.
      connection.cork()
      webSocket.send(prefix, { fin: false, binary: false })
      webSocket.send(body, { fin: true, binary: false })
      connection.uncork()
    },
    waitingBytes: () => webSocket.bufferedAmount,
    async drained() {
      if (!connection.writableNeedDrain || connection.destroyed) return
      await new Promise<void>((resolve) => {
        const finish = () => {
          connection.off('drain', finish)
          connection.off('close', finish)
          resolve()
        }
        connection.on('drain', finish)
        connection.on('close', finish)
      })
    },
  }
}
