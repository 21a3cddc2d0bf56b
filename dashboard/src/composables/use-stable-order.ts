import { computed, ref, watch, type Ref } from 'vue'

/**
 * Ids in the wanted order, but rows that are there keep their places while `isHeld` (pointer or focus in the list): new ones
 * join at the end, gone ones leave.
 */
export function useStableOrder(wanted: Ref<readonly string[]>, isHeld: Ref<boolean>) {
  const shown = ref<readonly string[]>(wanted.value)
  watch([wanted, isHeld], ([order, held]) => {
    if (!held || shown.value.length === 0) {
      shown.value = order
      return
    }
    const alive = new Set(order)
    const kept = shown.value.filter((id) => alive.has(id))
    const known = new Set(kept)
    shown.value = [...kept, ...order.filter((id) => !known.has(id))]
  })
  return {
    shown,
    isOld: computed(() => shown.value.some((id, index) => wanted.value[index] !== id)),
    sortNow() {
      shown.value = wanted.value
    },
  }
}
