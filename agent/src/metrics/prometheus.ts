import { createServer } from 'node:http'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** What the agent tells Prometheus of itself, read when it is asked. */
export type AgentFigures = {
  /** Servers by what the runtime shows. */
  servers: () => ReadonlyMap<string, number>
  /** True while the api knows everything of this node. */
  isConnected: () => boolean
  /** What waits in the store until the api has it, by kind. */
  waiting: () => ReadonlyMap<string, number>
  /** Bytes of consoles that the api has not stored yet. */
  consoleBytes: () => number
}

export type PrometheusEndpoint = { port: number; close(): Promise<void> }

function createRegistry(figures: AgentFigures): Registry {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 })
  const single = (name: string, help: string, read: () => number) => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }
  const by = (name: string, help: string, label: string, read: () => ReadonlyMap<string, number>) => {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset()
        for (const [value, count] of read()) this.set({ [label]: value }, count)
      },
    })
  }
  by('catalyst_agent_servers', 'Servers of this node by what the runtime shows.', 'state', figures.servers)
  by('catalyst_agent_waiting', 'What waits in the store until the api has it.', 'kind', figures.waiting)
  single('catalyst_agent_connected', '1 while a session with the api is in step.', () => (figures.isConnected() ? 1 : 0))
  single('catalyst_agent_console_unstored_bytes', 'Bytes of consoles that the api has not stored yet.', figures.consoleBytes)
  return registry
}

/** Answers Prometheus at an address of its own. @throws errors of listening */
export async function servePrometheus({ host, port }: { host: string; port: number }, figures: AgentFigures): Promise<PrometheusEndpoint> {
  const registry = createRegistry(figures)
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 8 * 1024 }, (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    registry.metrics().then(
      (text) => {
        response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' }).end(text)
      },
      () => {
        response.writeHead(500).end()
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
