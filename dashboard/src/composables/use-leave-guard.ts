import { computed, onScopeDispose, ref } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'

/** Asks before a page with unsaved input is left: `isAsking` shows the question, `answer` goes or stays. */
export function useLeaveGuard(isDirty: () => boolean) {
  const asked = ref<((leave: boolean) => void) | null>(null)
  onBeforeRouteLeave(() => {
    if (!isDirty()) return true
    return new Promise<boolean>((resolve) => {
      asked.value = resolve
    })
  })
  const warn = (event: BeforeUnloadEvent) => {
    if (isDirty()) event.preventDefault()
  }
  window.addEventListener('beforeunload', warn)
  onScopeDispose(() => {
    window.removeEventListener('beforeunload', warn)
  })
  return {
    isAsking: computed(() => asked.value !== null),
    answer(isLeaving: boolean) {
      asked.value?.(isLeaving)
      asked.value = null
    },
  }
}
