/** Text for the middle of a LIKE pattern: its wildcards mean themselves. NUL, which PostgreSQL refuses, is left out. */
export function escapeLike(text: string): string {
  return text.replaceAll('\0', '').replaceAll(/[\\%_]/g, String.raw`\$&`)
}
