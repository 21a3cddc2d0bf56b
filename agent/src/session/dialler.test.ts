import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { keepConnected, waitMs } from './dialler.ts'

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined }

let server: WebSocketServer
let isTalking: boolean
let sockets: WebSocket[]

beforeEach(async () => {
  isTalking = true
  sockets = []
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'graphql-transport-ws' })
  server.on('connection', (socket) => {
    sockets.push(socket)
    socket.on('message', () => {
      if (isTalking) socket.send(JSON.stringify({ type: 'connection_ack' }))
    })
  })
  await once(server, 'listening')
})

afterEach(() => {
  for (const socket of sockets) socket.terminate()
  server.close()
})

function dial(serve: Parameters<typeof keepConnected>[0]['serve'], signal: AbortSignal): Promise<void> {
  const url = `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  return keepConnected({ url, serve, random: () => 0, log: QUIET, signal })
}

describe('waitMs', () => {
  it('grows, and never keeps a node from an api that is back for 5 s', () => {
    expect([1, 2, 3].map((failures) => waitMs(failures, false, 1))).toEqual([1250, 2250, 4250])
    expect(waitMs(1000, false, 1)).toBeLessThan(5000)
    expect(waitMs(1000, false, 0)).toBe(250)
  })

  it('is long after a refusal', () => {
    expect(waitMs(1, true, 1)).toBe(30_250)
  })
})

describe('keepConnected', () => {
  it.each([1001, 4400, 4403, 4408, 4409, 4429])('dials again after the api closes with %i', async (code) => {
    const abort = new AbortController()
    const reasons: string[] = []
    const done = dial(async (connection) => {
      if (reasons.length === 0) sockets.at(-1)?.close(code, 'because')
      else abort.abort()
      const reason = await connection.closed
      reasons.push(reason)
      return reason
    }, abort.signal)
    await done
    expect(reasons).toHaveLength(2)
    expect(reasons[0]).toContain(String(code))
    expect(sockets).toHaveLength(2)
  })

  it('stops at once when told to while it connects', async () => {
    isTalking = false
    const abort = new AbortController()
    let wasServed = false
    const done = dial(() => {
      wasServed = true
      return Promise.resolve('')
    }, abort.signal)
    await once(server, 'connection')
    abort.abort()
    await done
    expect(wasServed).toBe(false)
  })
})
