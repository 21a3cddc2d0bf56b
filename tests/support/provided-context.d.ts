import 'vitest'

declare module 'vitest' {
  /** What global set-ups hand to test files by `inject`; an interface, because it is merged with vitest's own. */
  interface ProvidedContext {
    /** The migrated template database of the test server; `createTestDatabase` copies it. */
    templateDatabaseUrl: string
  }
}
