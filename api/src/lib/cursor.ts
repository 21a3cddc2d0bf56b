import { ValidationError } from './errors.ts'

/** Packs the sort key of a row, ending in its unique key. Clients must not read it. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/**
 * @param length parts of the key
 * @throws ValidationError at `after` for what encodeCursor did not make
 */
export function decodeCursor(cursor: string, length: number): string[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    // NUL cannot be in a text of PostgreSQL: a statement with one would fail.
    if (
      Array.isArray(key) &&
      key.length === length &&
      key.every((part): part is string => typeof part === 'string' && !part.includes('\0'))
    )
      return key
  } catch {
    // Not ours: said below.
  }
  throw new ValidationError([{ path: ['after'], message: 'is not a cursor of this list', code: 'INVALID_CURSOR' }])
}
