import { once } from 'node:events'
import { appendFileSync, closeSync, fstatSync, openSync, readSync, watch } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'

// The least there can be: one process that follows the same file and writes every batch, once serialised, to every socket, and
// what a socket says to the file. No history, no rights, no storage, nobody waited for. The batches are those of the product.

const BATCH_MS = 16
const BUSY_BATCH_MS = 50
const MEASURE_MS = 250
const BUSY_BYTES_PER_SECOND = 5000 * 90

const sockets = new Set<WebSocket>()
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket) => {
  sockets.add(socket)
  socket.on('close', () => sockets.delete(socket))
})

function follow(file: string): void {
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      appendFileSync(file, data)
    })
  })
  const descriptor = openSync(file, 'r')
  let offset = fstatSync(descriptor).size
  const start = offset
  let last = -Infinity
  let measuredFrom = performance.now()
  let measured = offset
  let isBusy = false
  let timer: NodeJS.Timeout | null = null
  const send = () => {
    timer = null
    last = performance.now()
    if (last - measuredFrom > MEASURE_MS) {
      isBusy = (measured - offset) / ((measuredFrom - last) / 1000) > BUSY_BYTES_PER_SECOND
      measuredFrom = last
      measured = offset
    }
    const buffer = Buffer.alloc(fstatSync(descriptor).size - offset)
    const length = readSync(descriptor, buffer, 0, buffer.length, offset)
    if (length === 0) return
    const body = Buffer.from(JSON.stringify({ from: offset - start, to: offset - start + length, text: buffer.toString() }))
    offset += length
    for (const socket of sockets) socket.send(body, { binary: false })
  }
  const watcher = watch(file, () => {
    if (timer !== null) return
    const wait = (isBusy ? BUSY_BATCH_MS : BATCH_MS) - (performance.now() - last)
    if (wait <= 0) send()
    else timer = setTimeout(send, wait)
  })
  process.once('disconnect', () => {
    watcher.close()
    closeSync(descriptor)
    process.exit()
  })
}

process.on('message', ({ file }: { file: string }) => {
  follow(file)
  process.send?.('following')
})
if (server.address() === null) await once(server, 'listening')
process.send?.({ port: (server.address() as AddressInfo).port })
