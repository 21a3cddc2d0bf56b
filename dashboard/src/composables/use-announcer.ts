import { readonly, ref, type InjectionKey } from 'vue'
import { injectStrict } from './inject-strict.ts'

/** Politely spoken texts are joined this long, and follow each other no sooner than `PAUSE_MS`. */
const JOIN_MS = 1000
const PAUSE_MS = 3000

/** Texts for screen readers: one polite region, rate-limited, and one assertive region for failures. */
export function createAnnouncer() {
  const polite = ref('')
  const assertive = ref('')
  const waiting: string[] = []
  let timer: ReturnType<typeof setTimeout> | null = null
  let last = Number.NEGATIVE_INFINITY

  const flush = () => {
    timer = null
    last = performance.now()
    polite.value = waiting.splice(0).join('. ')
  }
  return {
    polite: readonly(polite),
    assertive: readonly(assertive),
    announce(text: string) {
      if (!waiting.includes(text)) waiting.push(text)
      timer ??= setTimeout(flush, Math.max(JOIN_MS, last + PAUSE_MS - performance.now()))
    },
    alarm(text: string) {
      assertive.value = text
    },
  }
}

export type Announcer = ReturnType<typeof createAnnouncer>
export const announcerKey: InjectionKey<Announcer> = Symbol('announcer')
export const useAnnouncer = () => injectStrict(announcerKey)
