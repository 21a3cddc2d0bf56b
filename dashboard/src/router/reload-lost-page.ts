import type { RouteLocationNormalized, Router } from 'vue-router'

/** A second failure within this time is not the network's: the page would load for ever. */
const ONCE_MS = 10_000
const KEY = 'catalyst-page-reloaded-at'

/**
 * Loads the wanted page as a whole when its script cannot be fetched: the network changed under the request, or the dashboard
 * was upgraded and the old scripts are gone. The browser would give the same failure for the same import again.
 * @param load goes to an address and fetches everything anew
 */
export function reloadLostPage(
  router: Pick<Router, 'onError'>,
  { events, storage, load }: { events: EventTarget; storage: Storage; load: (path: string) => void },
): void {
  let isLost = false
  // Of Vite, before it rejects the import.
  events.addEventListener('vite:preloadError', () => {
    isLost = true
  })
  router.onError((_error: unknown, to: RouteLocationNormalized) => {
    if (!isLost) return
    isLost = false
    const now = Date.now()
    if (now - Number(storage.getItem(KEY)) < ONCE_MS) return
    storage.setItem(KEY, String(now))
    load(to.fullPath)
  })
}
