import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Outlet } from '../graphql/outlet.ts'

const FINAL_TEXT = 0x81

/** Beginning of an unmasked text frame (RFC 6455, 5.2): its header, and the part of its payload before `bodyBytes` others. */
function frameStart(prefix: Uint8Array, bodyBytes: number): Buffer {
  const length = prefix.length + bodyBytes
  const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const start = Buffer.allocUnsafe(headerBytes + prefix.length)
  start[0] = FINAL_TEXT
  if (headerBytes === 2) start[1] = length
  else if (headerBytes === 4) {
    start[1] = 126
    start.writeUInt16BE(length, 2)
  } else {
    start[1] = 127
    start.writeUInt32BE(0, 2)
    start.writeUInt32BE(length, 6)
  }
  start.set(prefix, headerBytes)
  return start
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
      connection.write(frameStart(prefix, body.length))
      connection.write(body)
      connection.uncork()
    },
    waitingBytes: () => connection.writableLength,
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
