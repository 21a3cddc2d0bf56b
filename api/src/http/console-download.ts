import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from 'pino'
import type { EventBus } from '../events/event-bus.ts'
import type { Services } from '../graphql/context.ts'
import { DomainError, ForbiddenError, NotFoundError } from '../lib/errors.ts'
import { callerOf, type Identity } from './identify.ts'
import type { OriginVerdict } from './origin.ts'

export type ConsoleDownload = {
  /** GET `/servers/<id>/console.log`: the whole console as the game wrote it. Ends at once when the right to it is lost. */
  handle(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void>
  /** Looks at everybody who downloads again; for when revocations may have been missed. */
  recheck(): void
}

export type ConsoleDownloadDeps = {
  services: Pick<Services, 'auth' | 'console' | 'consoleArchive'>
  identify: (request: IncomingMessage, verdict: OriginVerdict) => Promise<Identity>
  checkOrigin: (request: IncomingMessage) => OriginVerdict
  bus: EventBus
  logger: Logger
}

const PATH = /^\/servers\/([0-9a-f-]{36})\/console\.log$/i
/** Of one person at once: each reads as fast as it is read. */
const MOST_AT_ONCE = 4
/** Nobody tells that a session has expired. */
const RECHECK_MS = 60_000

/** Whether a path is a console's, whatever the server. */
export const isConsolePath = (pathname: string): boolean => PATH.test(pathname)

/**
 * A page of ours that follows a link sends no Origin. The cookie is never sent by pages of other sites (SameSite), nothing is
 * changed by the request, and no other origin can read the answer: what a browser says of the sender is enough.
 */
function verdictOf(request: IncomingMessage, verdict: OriginVerdict): OriginVerdict {
  const site = request.headers['sec-fetch-site']
  return verdict === 'none' && (site === undefined || site === 'same-origin' || site === 'none') ? 'own' : verdict
}

export function createConsoleDownload({ services, identify, checkOrigin, bus, logger }: ConsoleDownloadDeps): ConsoleDownload {
  const running = new Map<string, number>()
  const rechecks = new Set<() => void>()

  const refuse = (response: ServerResponse, status: number, text: string) => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
  }

  const handle: ConsoleDownload['handle'] = async (request, response, pathname) => {
    response.setHeader('cache-control', 'no-store')
    const serverId = PATH.exec(pathname)?.[1] ?? ''
    const verdict = checkOrigin(request)
    const { actor, isRefused, token } =
      verdict === 'foreign' ? { actor: null, isRefused: true, token: null } : await identify(request, verdictOf(request, verdict))
    if (isRefused) {
      refuse(response, 403, 'This origin is not allowed.')
      return
    }
    if (actor === null || token === null) {
      refuse(response, 401, 'Sign in first.')
      return
    }
    const others = running.get(actor.id) ?? 0
    if (others >= MOST_AT_ONCE) {
      response.setHeader('retry-after', '10')
      refuse(response, 429, 'Too many downloads at once.')
      return
    }
    const aborted = new AbortController()
    const check = async () => {
      const now = await services.auth.authenticate(token, callerOf(request))
      if (now === null) throw new ForbiddenError()
      await services.console.access(now, serverId, 'console:read')
    }
    const recheck = () => {
      check().catch((error: unknown) => {
        if (error instanceof DomainError) aborted.abort()
        else logger.warn({ err: error, serverId }, 'the right to a console could not be checked')
      })
    }
    const offs = [
      bus.on('session-revoked', ({ userId }) => {
        if (userId === actor.id) recheck()
      }),
      bus.on('server', (event) => {
        if (event.serverId === serverId) recheck()
      }),
    ]
    const timer = setInterval(recheck, RECHECK_MS)
    rechecks.add(recheck)
    running.set(actor.id, others + 1)
    try {
      const bytes = await services.consoleArchive.download(actor, serverId)
      response.writeHead(200, {
        'content-type': 'text/plain; charset=utf-8',
        'content-disposition': `attachment; filename="console-${serverId}.log"`,
      })
      if (request.method === 'HEAD') {
        await bytes.return()
        response.end()
        return
      }
      await pipeline(Readable.from(bytes), response, { signal: aborted.signal })
    } catch (error) {
      if (response.headersSent) {
        // The client left, or may not read on: a cut answer is no whole log.
        if (!aborted.signal.aborted && !request.destroyed) logger.warn({ err: error, serverId }, 'a console could not be sent to its end')
        response.destroy()
      } else if (error instanceof DomainError) refuse(response, error instanceof NotFoundError ? 404 : 403, error.message)
      else throw error
    } finally {
      for (const off of offs) off()
      clearInterval(timer)
      rechecks.delete(recheck)
      const left = (running.get(actor.id) ?? 1) - 1
      if (left === 0) running.delete(actor.id)
      else running.set(actor.id, left)
    }
  }

  return {
    handle,
    recheck() {
      for (const recheck of rechecks) recheck()
    },
  }
}
