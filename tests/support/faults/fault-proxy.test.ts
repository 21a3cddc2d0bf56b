import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts'

let echo: net.Server
let proxy: FaultProxy
let client: net.Socket
let received = ''

beforeEach(async () => {
  echo = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await startFaultProxy((echo.address() as net.AddressInfo).port)
  client = await dial()
  received = ''
  client.on('data', (chunk) => (received += chunk.toString()))
})

afterEach(async () => {
  client.destroy()
  await proxy.close()
  echo.close()
})

async function dial(): Promise<net.Socket> {
  const socket = net.connect(proxy.port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** `once` would reject with the reset. */
const ended = (socket: net.Socket) =>
  new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve()
    })
  })

const answered = (text: string) => expect.poll(() => received).toBe(text)

it('passes bytes on, and holds either direction back without losing one', async () => {
  client.write('a')
  await answered('a')
  proxy.set({ toServer: 'pass', toClient: 'hold' })
  client.write('b')
  proxy.set({ toServer: 'hold', toClient: 'pass' })
  client.write('c')
  proxy.heal()
  await answered('abc')
})

it('delays both directions', async () => {
  proxy.set({ toServer: 'pass', toClient: 'pass', delayMs: 60 })
  const sent = performance.now()
  client.write('late')
  await answered('late')
  expect(performance.now() - sent).toBeGreaterThanOrEqual(110)
})

it('resets what is there, and refuses what comes', async () => {
  const closed = ended(client)
  proxy.refuse(true)
  await closed
  await ended(net.connect(proxy.port, '127.0.0.1').on('error', () => undefined))
  proxy.heal()
  const third = await dial()
  const echoed = once(third, 'data')
  third.write('again')
  await echoed
  third.destroy()
})

it('leaves half-open connections to themselves, also when one side ends', async () => {
  client.write('a')
  await answered('a')
  proxy.forget()
  client.write('b')
  const other = await dial()
  const echoed = once(other, 'data')
  other.write('c')
  await echoed
  expect(received).toBe('a')
  expect(proxy.connections).toBe(1)
  other.destroy()
})
