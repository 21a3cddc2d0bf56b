import { inject, type InjectionKey } from 'vue'

/** What `main.ts` provided under this key. @throws when it did not: a mistake of the program, not of its user */
export function injectStrict<T>(key: InjectionKey<T>): T {
  const value = inject(key)
  if (value === undefined) throw new Error(`nothing provided for ${key.description ?? 'this key'}`)
  return value
}
