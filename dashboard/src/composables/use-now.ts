import { onScopeDispose, readonly, ref, type InjectionKey, type Ref } from 'vue'
import { injectStrict } from './inject-strict.ts'

/** The time in ms, moving every `everyMs`. */
function createTicker(everyMs: number): Readonly<Ref<number>> {
  const now = ref(Date.now())
  setInterval(() => {
    now.value = Date.now()
  }, everyMs)
  return readonly(now)
}

/** The one timer of all relative times: twice a minute. */
export const createMinuteClock = () => createTicker(30_000)
export const minuteKey: InjectionKey<Readonly<Ref<number>>> = Symbol('minute')
export const useMinute = () => injectStrict(minuteKey)

const second = ref(0)
let readers = 0
let ticking: ReturnType<typeof setInterval> | null = null

/** The time in ms, moving every second. One timer for all who read it, and none when nobody does. */
export function useSecond(): Readonly<Ref<number>> {
  readers += 1
  if (ticking === null) {
    second.value = Date.now()
    ticking = setInterval(() => {
      second.value = Date.now()
    }, 1000)
  }
  onScopeDispose(() => {
    readers -= 1
    if (readers > 0 || ticking === null) return
    clearInterval(ticking)
    ticking = null
  })
  return readonly(second)
}
