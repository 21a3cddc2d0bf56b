import { onScopeDispose, readonly, ref } from 'vue'

const SHOWN_MS = 1500

/** Copies text; `isCopied` is true for a moment afterwards. */
export function useCopy() {
  const isCopied = ref(false)
  let timer: ReturnType<typeof setTimeout> | null = null

  onScopeDispose(() => {
    if (timer !== null) clearTimeout(timer)
  })
  return {
    isCopied: readonly(isCopied),
    async copy(text: string): Promise<void> {
      await navigator.clipboard.writeText(text)
      isCopied.value = true
      if (timer !== null) clearTimeout(timer)
      timer = setTimeout(() => {
        isCopied.value = false
      }, SHOWN_MS)
    },
  }
}
