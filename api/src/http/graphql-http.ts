import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context, Services } from '../graphql/context.ts'
import { MAX_BODY_BYTES } from '../graphql/limits.ts'
import type { Pipeline } from '../graphql/pipeline.ts'
import { newId } from '../lib/ids.ts'
import { callerOf, type Identity } from './identify.ts'
import type { OriginVerdict } from './origin.ts'
import { readBody } from './read-body.ts'
import type { SessionCookies } from './session-cookie.ts'

export type GraphqlHttpDeps = {
  pipeline: Pipeline
  services: Services
  cookies: SessionCookies
  identify: (request: IncomingMessage, verdict: OriginVerdict) => Promise<Identity>
  checkOrigin: (request: IncomingMessage) => OriginVerdict
}

const ACCEPTED = ['application/graphql-response+json', 'application/json']

function refuse(response: ServerResponse, status: number, code: string, message: string, headers: Record<string, string> = {}): void {
  // What is left of the body is not read: the connection cannot be used again.
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...headers })
  response.end(JSON.stringify({ errors: [{ message, extensions: { code } }] }))
}

/**
 * GraphQL over HTTP: POST with JSON only. Forms, GET and event streams would reach it without a preflight, so they are not
 * taken. A page of another origin is refused whatever it carries; a cookie counts only with our own Origin.
 */
export function createGraphqlHttp({ pipeline, services, cookies, identify, checkOrigin }: GraphqlHttpDeps) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('cache-control', 'no-store')
    if (request.method !== 'POST') {
      refuse(response, 405, 'METHOD_NOT_ALLOWED', 'GraphQL is asked by POST.', { allow: 'POST' })
      return
    }
    const verdict = checkOrigin(request)
    if (verdict === 'foreign') {
      refuse(response, 403, 'ORIGIN_REFUSED', 'This origin is not allowed.')
      return
    }
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
      refuse(response, 415, 'UNSUPPORTED_MEDIA_TYPE', 'The body is application/json.')
      return
    }
    const { address, userAgent } = callerOf(request)
    const { actor, isRefused } = await identify(request, verdict)
    if (isRefused) {
      refuse(response, 403, 'ORIGIN_REFUSED', 'A cookie needs the Origin header of this site.')
      return
    }
    const body = await readBody(request, MAX_BODY_BYTES)
    if (body === null) {
      refuse(response, 413, 'BODY_TOO_LARGE', `The body has at most ${String(MAX_BODY_BYTES)} bytes.`)
      return
    }

    const controller = new AbortController()
    response.once('close', () => {
      controller.abort()
    })
    const requestId = newId()
    const setCookies: string[] = []
    const catalyst: Context = {
      actor,
      services,
      requestId,
      address,
      userAgent,
      cookie: {
        set: (token) => setCookies.push(cookies.set(token)),
        clear: () => setCookies.push(cookies.clear()),
      },
      outlet: null,
      signal: controller.signal,
    }
    const accept = ACCEPTED.find((type) => request.headers.accept?.includes(type)) ?? 'application/json'
    const answer = await pipeline.fetch(
      'http://api/graphql',
      { method: 'POST', headers: { 'content-type': 'application/json', accept }, body },
      { catalyst },
    )
    const text = await answer.text()
    if (setCookies.length > 0) response.setHeader('set-cookie', setCookies)
    response.setHeader('x-request-id', requestId)
    response.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    response.end(text)
  }
}
