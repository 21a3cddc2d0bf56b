/** Bounds of one operation. The dashboard's largest document is far below every one of them. */
export const COMPLEXITY_LIMITS = { complexity: 25_000, depth: 12, breadth: 400 } as const

/** Lexical tokens of a document. */
export const MAX_TOKENS = 2_000
/** Fields of an operation after its fragments have been put in. */
export const MAX_FIELDS = 1_000
export const MAX_DEPTH = 16
export const MAX_ALIASES = 30
export const MAX_DIRECTIVES = 30
/** Of a request over HTTP and of a message over WebSocket. */
export const MAX_BODY_BYTES = 1024 * 1024
