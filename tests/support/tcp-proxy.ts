import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Stands between a program and what it dials. `refuse`: as if it were stopped; `silent`: as if its machine were frozen. */
export type TcpProxy = {
  /** By way of the proxy. */
  url: string
  /** Changes what happens from now on, to open connections too. */
  become(mode: 'open' | 'refuse' | 'silent'): void
  close(): Promise<void>
}

export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const address = new URL(targetUrl)
  const target = { host: address.hostname, port: Number(address.port) }
  const pairs = new Set<[Socket, Socket]>()
  let mode: Parameters<TcpProxy['become']>[0] = 'open'

  const server = createServer((inside) => {
    if (mode === 'refuse') {
      inside.destroy()
      return
    }
    const outside = connect(target)
    const pair: [Socket, Socket] = [inside, outside]
    pairs.add(pair)
    for (const [one, other] of [pair, [outside, inside]] as const) {
      one.on('data', (data) => {
        if (!other.destroyed) other.write(data)
      })
      one.on('error', () => undefined)
      one.on('close', () => {
        other.destroy()
        pairs.delete(pair)
      })
      if (mode === 'silent') one.pause()
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  address.hostname = '127.0.0.1'
  address.port = String((server.address() as AddressInfo).port)

  return {
    url: address.href.replace(/\/$/, ''),
    become(next) {
      mode = next
      for (const sockets of pairs)
        for (const socket of sockets) {
          if (next === 'refuse') socket.destroy()
          else if (next === 'silent') socket.pause()
          else socket.resume()
        }
    },
    async close() {
      for (const sockets of pairs) for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
