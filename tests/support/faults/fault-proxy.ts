import { once } from 'node:events'
import net from 'node:net'

/** What happens to bytes of one direction: they pass, or are held back until they may. */
export type Way = 'pass' | 'hold'

/** A TCP proxy that spoils what goes through it, on loopback only. */
export type FaultProxy = {
  readonly port: number
  /** Connections that are open now, those that were forgotten aside. */
  readonly connections: number
  /** Sets both ways, for connections that are there and that come. `delayMs` is for each direction. */
  set(ways: { toServer: Way; toClient: Way; delayMs?: number }): void
  /** Everything passes again. */
  heal(): void
  /** Whether connections are taken; those that are there are reset when not. */
  refuse(isRefused: boolean): void
  /** Resets every connection. */
  reset(): void
  /** Half-open: both sides go on to believe in their connections, and nothing passes there for ever. New ones work. */
  forget(): void
  close(): Promise<void>
}

type Pair = { client: net.Socket; server: net.Socket; isForgotten: boolean; pump(): void }

export async function startFaultProxy(target: number): Promise<FaultProxy> {
  let ways: { toServer: Way; toClient: Way; delayMs: number } = { toServer: 'pass', toClient: 'pass', delayMs: 0 }
  let isRefused = false
  const pairs = new Set<Pair>()

  /** Carries bytes and the end of one direction, in order. */
  function carry(from: net.Socket, to: net.Socket, pair: Pair, direction: 'toServer' | 'toClient'): () => void {
    const waiting: { at: number; bytes: Buffer | null }[] = []
    const pump = () => {
      while (!pair.isForgotten && ways[direction] === 'pass') {
        const [first] = waiting
        if (first === undefined) return
        const due = first.at + ways.delayMs - performance.now()
        if (due > 0) {
          setTimeout(pump, due)
          return
        }
        waiting.shift()
        if (first.bytes === null) to.destroy()
        else if (!to.destroyed) to.write(first.bytes)
      }
    }
    const add = (bytes: Buffer | null) => {
      waiting.push({ at: performance.now(), bytes })
      pump()
    }
    from.on('data', add)
    from.on('error', () => undefined)
    from.once('close', () => {
      add(null)
    })
    return pump
  }

  const server = net.createServer((client) => {
    if (isRefused) {
      client.resetAndDestroy()
      return
    }
    const upstream = net.connect(target, '127.0.0.1')
    const pair: Pair = { client, server: upstream, isForgotten: false, pump: () => undefined }
    const pumps = [carry(client, upstream, pair, 'toServer'), carry(upstream, client, pair, 'toClient')]
    pair.pump = () => {
      for (const pump of pumps) pump()
    }
    pairs.add(pair)
    const gone = () => {
      if (client.destroyed && upstream.destroyed) pairs.delete(pair)
    }
    client.once('close', gone)
    upstream.once('close', gone)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const reset = (which: (pair: Pair) => boolean) => {
    for (const pair of [...pairs].filter(which)) {
      pair.client.resetAndDestroy()
      pair.server.resetAndDestroy()
    }
  }
  const set: FaultProxy['set'] = ({ toServer, toClient, delayMs = 0 }) => {
    ways = { toServer, toClient, delayMs }
    for (const pair of pairs) pair.pump()
  }

  return {
    port: (server.address() as net.AddressInfo).port,
    get connections() {
      return [...pairs].filter((pair) => !pair.isForgotten).length
    },
    set,
    heal() {
      isRefused = false
      set({ toServer: 'pass', toClient: 'pass' })
    },
    refuse(refused) {
      isRefused = refused
      if (refused) reset((pair) => !pair.isForgotten)
    },
    reset() {
      reset((pair) => !pair.isForgotten)
    },
    forget() {
      for (const pair of pairs) pair.isForgotten = true
    },
    async close() {
      reset(() => true)
      server.close()
      await once(server, 'close')
    },
  }
}
