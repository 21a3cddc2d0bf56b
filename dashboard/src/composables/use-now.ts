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

/** The time in ms, moving every second while the component lives. */
export function useSecond(): Readonly<Ref<number>> {
  const now = ref(Date.now())
  const timer = setInterval(() => {
    now.value = Date.now()
  }, 1000)
  onScopeDispose(() => {
    clearInterval(timer)
  })
  return readonly(now)
}
