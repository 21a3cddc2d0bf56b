/**
 * Text of an agent as a column takes it: bounded, without halves of characters, which PostgreSQL's JSON refuses, and without
 * control characters, of which it refuses NUL and terminals obey the others.
 */
export function plainText(text: string, most: number): string {
  return text
    .replaceAll(/[^\P{Cc}\t\n]/gu, '')
    .slice(0, most)
    .toWellFormed()
}

/** The same of what may be absent. */
export function plainTextOrNull(text: string | null | undefined, most: number): string | null {
  return text == null ? null : plainText(text, most)
}

/** The same of what has one line. */
export function plainName(text: string, most: number): string {
  return plainText(text.replaceAll(/[\t\n]/g, ''), most)
}
