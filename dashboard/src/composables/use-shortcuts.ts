import { onScopeDispose } from 'vue'

const FIELDS = 'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]'

/** Single-letter keys of a page. Layout and page may each listen to the same letter. They rest inside fields and open overlays, and with Ctrl, Alt or Meta. */
export function useShortcuts(keys: Readonly<Record<string, () => void>>): void {
  const listen = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const target = event.target instanceof Element ? event.target : null
    if (target?.closest(FIELDS) != null || document.querySelector('.v-overlay--active') !== null) return
    // Enter and space belong to what has the focus.
    if (event.key === 'Enter' && target?.closest('a, button, input') != null) return
    const act = keys[event.key]
    if (act === undefined) return
    event.preventDefault()
    act()
  }
  window.addEventListener('keydown', listen)
  onScopeDispose(() => {
    window.removeEventListener('keydown', listen)
  })
}
