import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { bearerToken } from './identify.ts'

/** Answers Prometheus. */
export type MetricsEndpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>

const digest = (text: string) => createHash('sha256').update(text).digest()

/** @param token null lets everybody read who reaches it: for an address of its own */
export function createMetricsEndpoint(render: () => Promise<{ contentType: string; text: string }>, token: string | null): MetricsEndpoint {
  const expected = token === null ? null : digest(token)
  return async (request, response) => {
    const given = bearerToken(request.headers.authorization ?? '')
    // Digests: of equal length, so that nothing is told by the time it takes.
    if (expected !== null && (given === null || !timingSafeEqual(digest(given), expected))) {
      response.writeHead(401, { 'www-authenticate': 'Bearer', 'content-type': 'text/plain; charset=utf-8' }).end('A token is needed.\n')
      return
    }
    const { contentType, text } = await render()
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text)
  }
}

/** Listens for Prometheus on an address of its own. @throws errors of listening */
export async function listenForMetrics(
  endpoint: MetricsEndpoint,
  { host, port }: { host: string; port: number },
  onError: (error: unknown) => void,
): Promise<{ stop(): Promise<void> }> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 8 * 1024 }, (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    endpoint(request, response).catch((error: unknown) => {
      onError(error)
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}
