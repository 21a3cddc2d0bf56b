import { createHash } from 'node:crypto'

/** The session cookie of one installation. */
export type SessionCookies = {
  /** The token in a Cookie header; null when there is none. */
  read(header: string | undefined): string | null
  /** A Set-Cookie header. The session may end before the cookie does. */
  set(token: string): string
  clear(): string
}

/**
 * Cookies are not kept apart by port, so the name carries the installation: two of them on one host do not sign each other
 * out. Over https the name begins with `__Host-`, which ties it to this host and to https.
 */
export function createSessionCookies(options: { instanceId: string; isSecure: boolean; maxAgeSeconds: number }): SessionCookies {
  const suffix = createHash('sha256').update(options.instanceId).digest('hex').slice(0, 8)
  const name = `${options.isSecure ? '__Host-' : ''}catalyst-${suffix}`
  const attributes = `Path=/; HttpOnly; SameSite=Strict${options.isSecure ? '; Secure' : ''}`
  return {
    read(header) {
      for (const pair of (header ?? '').split(';')) {
        const [key, value] = pair.trim().split('=', 2)
        if (key === name && value !== undefined && value !== '') return value
      }
      return null
    },
    set: (token) => `${name}=${token}; ${attributes}; Max-Age=${String(options.maxAgeSeconds)}`,
    clear: () => `${name}=; ${attributes}; Max-Age=0`,
  }
}
