/** What a browser may do with our pages: everything from this origin, nothing from anywhere else. */
export type SecurityHeaders = Readonly<Record<string, string>>

export type SecurityOptions = {
  /** The one address that people use. */
  publicUrl: URL
  /** CSP hashes (`'sha256-…'`) of inline scripts in the built page. */
  scriptHashes: readonly string[]
}

const YEAR_SECONDS = 31_536_000

export function securityHeaders({ publicUrl, scriptHashes }: SecurityOptions): SecurityHeaders {
  const isSecure = publicUrl.protocol === 'https:'
  const policy = [
    "default-src 'self'",
    `script-src ${["'self'", ...scriptHashes].join(' ')}`,
    // Themes and the terminal write style elements at run time.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    // Named, because not every browser takes 'self' for sockets.
    `connect-src 'self' ${isSecure ? 'wss' : 'ws'}://${publicUrl.host}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ]
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    ...(isSecure ? { 'strict-transport-security': `max-age=${String(YEAR_SECONDS)}` } : {}),
  }
}
