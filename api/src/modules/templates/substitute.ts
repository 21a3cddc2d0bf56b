const PLACEHOLDER = /\{\{([A-Z][A-Z0-9_]{0,63})\}\}/g

/** Names that a template may use besides its variables and PORT_<NAME>. */
export const BUILT_IN_VARIABLES = ['SERVER_ID', 'SERVER_NAME', 'SERVER_MEMORY', 'SERVER_IP', 'SERVER_PORT'] as const

/** The built-in name of a named port: `game-query` is PORT_GAME_QUERY. */
export function portVariable(portName: string): string {
  return `PORT_${portName.toUpperCase().replaceAll('-', '_')}`
}

/** Names of all placeholders in a text. */
export function placeholdersIn(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '')
}

/**
 * Replaces every {{NAME}} once. What was put in is not read again, so a value cannot reach other values. A name without
 * a value stays as text: import has refused templates that have one.
 */
export function substitute(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(PLACEHOLDER, (whole, name: string) => values.get(name) ?? whole)
}
