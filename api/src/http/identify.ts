import type { IncomingMessage } from 'node:http'
import type { Services } from '../graphql/context.ts'
import type { UserActor } from '../lib/actor.ts'
import { plainAddress } from '../lib/address.ts'
import type { OriginVerdict } from './origin.ts'
import type { SessionCookies } from './session-cookie.ts'

/** Who sends a request; `isRefused` when a cookie came from where it does not count. */
export type Identity = { actor: UserActor | null; isRefused: boolean; token: string | null }

export type IdentifyDeps = { services: Pick<Services, 'auth'>; cookies: SessionCookies }

/** The token of an Authorization header; null when there is none. */
export function bearerToken(header: unknown): string | null {
  if (typeof header !== 'string') return null
  return /^Bearer +([A-Za-z0-9_-]{1,200}) *$/i.exec(header)?.[1] ?? null
}

/** Where a request comes from. */
export const callerOf = (request: IncomingMessage) => ({
  address: request.socket.remoteAddress === undefined ? null : plainAddress(request.socket.remoteAddress),
  userAgent: request.headers['user-agent'] ?? null,
})

/** A bearer token counts from anywhere, a cookie only from our own page. */
export function createIdentify({ services, cookies }: IdentifyDeps) {
  return async (request: IncomingMessage, verdict: OriginVerdict): Promise<Identity> => {
    const { authorization } = request.headers
    if (authorization === undefined) {
      const cookie = cookies.read(request.headers.cookie)
      if (cookie === null) return { actor: null, isRefused: false, token: null }
      if (verdict !== 'own') return { actor: null, isRefused: true, token: null }
      return { actor: await services.auth.authenticate(cookie, callerOf(request)), isRefused: false, token: cookie }
    }
    const token = bearerToken(authorization)
    return { actor: token === null ? null : await services.auth.authenticate(token, callerOf(request)), isRefused: false, token }
  }
}
