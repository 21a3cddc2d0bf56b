import { computed, onMounted, onScopeDispose, ref, type Ref } from 'vue'

/** Rows drawn beyond each edge. */
const OVERSCAN = 6

/** Which rows of a long list are near the eye. Rows have one fixed height. */
export function useWindow(container: Ref<HTMLElement | null>, count: Ref<number>, rowHeight: number) {
  const top = ref(0)
  const height = ref(800)
  let observer: ResizeObserver | null = null
  const read = () => {
    top.value = container.value?.scrollTop ?? 0
  }
  onMounted(() => {
    container.value?.addEventListener('scroll', read, { passive: true })
    observer = new ResizeObserver(() => {
      height.value = container.value?.clientHeight ?? 800
    })
    if (container.value !== null) observer.observe(container.value)
  })
  onScopeDispose(() => {
    container.value?.removeEventListener('scroll', read)
    observer?.disconnect()
  })
  const first = computed(() => Math.max(0, Math.min(Math.floor(top.value / rowHeight) - OVERSCAN, count.value - 1)))
  const last = computed(() => Math.min(count.value, Math.ceil((top.value + height.value) / rowHeight) + OVERSCAN))
  return {
    first,
    last,
    before: computed(() => first.value * rowHeight),
    after: computed(() => Math.max(0, count.value - last.value) * rowHeight),
    /** Scrolls so that the row can be seen. */
    reveal(index: number, head: number) {
      const element = container.value
      if (element === null) return
      const from = index * rowHeight
      if (from < element.scrollTop) element.scrollTop = from
      else if (from + rowHeight + head > element.scrollTop + element.clientHeight)
        element.scrollTop = from + rowHeight + head - element.clientHeight
    },
  }
}
