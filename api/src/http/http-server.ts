import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { isUnavailable } from '../db/unavailable.ts'
import { ServiceUnavailableError } from '../lib/errors.ts'
import { isConsolePath } from './console-download.ts'
import type { MetricsEndpoint } from './metrics-endpoint.ts'
import type { OriginVerdict } from './origin.ts'
import type { SecurityHeaders } from './security-headers.ts'
import type { StaticFiles } from './static-files.ts'

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export type HttpServerDeps = {
  graphql: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  consoleDownload: (request: IncomingMessage, response: ServerResponse, pathname: string) => Promise<void>
  graphqlUpgrade: UpgradeHandler
  agentUpgrade: UpgradeHandler
  checkOrigin: (request: IncomingMessage) => OriginVerdict
  /** Why it is not ready; null when it is. */
  readiness: () => Promise<string | null>
  /** What Prometheus reads at `/metrics`; null when it is not here. */
  metrics: MetricsEndpoint | null
  /** null serves no dashboard. */
  staticFiles: StaticFiles | null
  headers: SecurityHeaders
  logger: Logger
}

export type HttpServer = {
  /** @returns the port */
  listen(host: string, port: number): Promise<number>
  /** Finishes the requests under way, at most for a few seconds. */
  stop(): Promise<void>
}

const REQUEST_TIMEOUT_MS = 30_000
const HEADERS_TIMEOUT_MS = 10_000
const STOP_TIMEOUT_MS = 3_000

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }).end(`${text}\n`)
}

/** As GraphQL would say it: who is signed in could not be told. */
function answerUnavailable(response: ServerResponse): void {
  const { message, code } = new ServiceUnavailableError()
  response.writeHead(503, { 'content-type': 'application/json', 'cache-control': 'no-store', 'retry-after': '1' })
  response.end(JSON.stringify({ errors: [{ message, extensions: { code } }] }))
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** The path of a request target; null when it is none. */
function pathOf(request: IncomingMessage): string | null {
  return URL.parse(request.url ?? '', 'http://api')?.pathname ?? null
}

/** The one port: GraphQL, agents, health and the dashboard. */
export function createHttpServer(deps: HttpServerDeps): HttpServer {
  const { graphql, consoleDownload, graphqlUpgrade, agentUpgrade, checkOrigin, readiness, metrics, staticFiles, headers, logger } = deps
  // Upgraded sockets are no longer the server's: remembered, so that stopping can end them.
  const upgraded = new Set<Duplex>()

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    const pathname = pathOf(request)
    if (pathname === null) {
      answerText(response, 400, 'Bad request.')
      return
    }
    if (pathname === '/graphql') {
      await graphql(request, response)
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      answerText(response, 405, 'Method not allowed.')
      return
    }
    if (isConsolePath(pathname)) await consoleDownload(request, response, pathname)
    else if (pathname === '/healthz') answerText(response, 200, 'alive')
    else if (pathname === '/readyz') {
      const problem = await readiness()
      answerText(response, problem === null ? 200 : 503, problem ?? 'ready')
    } else if (pathname === '/metrics' && metrics !== null) await metrics(request, response)
    else if (staticFiles !== null) await staticFiles.handle(request, response, pathname)
    else answerText(response, 404, 'Not found.')
  }

  const server = createServer(
    { maxHeaderSize: 16 * 1024, requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        // A client that goes in the middle of its body is its own business.
        if (request.destroyed && !request.complete) return
        const isAway = isUnavailable(error)
        logger[isAway ? 'warn' : 'error']({ err: error, url: request.url }, 'a request failed')
        if (!response.headersSent && isAway) answerUnavailable(response)
        else if (!response.headersSent) answerText(response, 500, 'Something unexpected went wrong.')
        else response.destroy()
      })
    },
  )

  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {
      socket.destroy()
    })
    const pathname = pathOf(request)
    const handler = pathname === '/graphql' ? graphqlUpgrade : pathname === '/agent' ? agentUpgrade : null
    if (handler === null) {
      refuseUpgrade(socket, '404 Not Found')
      return
    }
    // Browsers send an Origin with every upgrade, and no preflight.
    if (checkOrigin(request) === 'foreign') {
      refuseUpgrade(socket, '403 Forbidden')
      return
    }
    upgraded.add(socket)
    socket.once('close', () => upgraded.delete(socket))
    handler(request, socket, head)
  })

  return {
    async listen(host, port) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve()
        })
      })
      return (server.address() as AddressInfo).port
    },
    async stop() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
      server.closeIdleConnections()
      const cut = setTimeout(() => {
        server.closeAllConnections()
        for (const socket of upgraded) socket.destroy()
      }, STOP_TIMEOUT_MS)
      await closed
      clearTimeout(cut)
    },
  }
}
