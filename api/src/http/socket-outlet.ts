import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Outlet } from '../graphql/outlet.ts'

const FINAL_TEXT = 0x81

/** Beginning of an unmasked text frame (RFC 6455, 5.2) for a payload of `length` bytes. */
function frameHeader(length: number): Buffer {
  if (length < 126) return Buffer.from([FINAL_TEXT, length])
  if (length < 65_536) return Buffer.from([FINAL_TEXT, 126, length >> 8, length & 0xff])
  const header = Buffer.alloc(10)
  header[0] = FINAL_TEXT
  header[1] = 127
  header.writeUIntBE(length, 4, 6)
  return header
}

/**
 * Writes `next` messages of one operation beside graphql-ws, which keeps everything else of the protocol. The frame is written
 * past ws: it has the operation's own beginning and then the bytes that all share, which nobody copies. ws sends without
 * waiting as long as nothing is compressed, so frames never mix.
 */
export function createSocketOutlet(webSocket: WebSocket, connection: Duplex, operationId: string): Outlet {
  const prefix = Buffer.from(`{"id":${JSON.stringify(operationId)},"type":"next","payload":`)
  return {
    send(body) {
      if (webSocket.readyState !== webSocket.OPEN) return
      connection.cork()
      connection.write(Buffer.concat([frameHeader(prefix.length + body.length), prefix]))
      connection.write(body)
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
