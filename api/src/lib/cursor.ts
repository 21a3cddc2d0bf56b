import { ValidationError } from './errors.ts'

/** Packs the sort key of a row, ending in its unique key. Clients must not read it. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** What a part of a key looks like. A column would throw for what it cannot be. */
const CURSOR_PARTS = {
  text: /^/,
  id: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  time: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/,
  /** Fits `bigint`. */
  number: /^\d{1,18}$/,
  ipv4: /^((25[0-5]|(2[0-4]|1?\d)?\d)(\.(?!$)|$)){4}$/,
} as const

/**
 * The parts of a key, each as it must look.
 * @throws ValidationError at `after` for what encodeCursor did not make
 */
export function decodeCursor(cursor: string, ...parts: readonly (keyof typeof CURSOR_PARTS)[]): string[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    // NUL cannot be in a text of PostgreSQL: a statement with one would fail.
    const isPart = (part: unknown, index: number): part is string =>
      typeof part === 'string' && !part.includes('\0') && CURSOR_PARTS[parts[index] ?? 'text'].test(part)
    const isTime = (part: string, index: number) => parts[index] !== 'time' || !Number.isNaN(Date.parse(part))
    if (Array.isArray(key) && key.length === parts.length && key.every(isPart) && key.every(isTime)) return key
  } catch {
    // Not ours: said below.
  }
  throw new ValidationError([{ path: ['after'], message: 'is not a cursor of this list', code: 'INVALID_CURSOR' }])
}
