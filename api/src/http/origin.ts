import type { IncomingMessage } from 'node:http'

/**
 * - `none`: no browser, or no cross-site danger: nothing but a bearer token counts.
 * - `own`: our own page: the cookie counts.
 * - `foreign`: another site's page: refused.
 */
export type OriginVerdict = 'none' | 'own' | 'foreign'

/** Compares with the configured address only: Host and X-Forwarded headers can be made up. */
export function createOriginCheck(publicUrl: URL): (request: IncomingMessage) => OriginVerdict {
  return ({ headers: { origin } }) => {
    if (origin === undefined) return 'none'
    return origin === publicUrl.origin ? 'own' : 'foreign'
  }
}
