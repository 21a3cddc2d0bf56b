/** Text of an agent as a column takes it: bounded, without NUL, which PostgreSQL refuses, and without halves of characters, which its JSON does. */
export function plainText(text: string, most: number): string {
  return text.replaceAll('\0', '').slice(0, most).toWellFormed()
}

/** The same of what may be absent. */
export function plainTextOrNull(text: string | null | undefined, most: number): string | null {
  return text == null ? null : plainText(text, most)
}
