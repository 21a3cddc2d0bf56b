import { beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { reloadLostPage } from './reload-lost-page.ts'

const events = new EventTarget()
const load = vi.fn<(path: string) => void>()

/** A router whose page fails to load; `isLost`: because its script did not come. */
function start(isLost: boolean) {
  const page = () => {
    if (isLost) events.dispatchEvent(new Event('vite:preloadError'))
    return Promise.reject(new Error('Failed to fetch dynamically imported module'))
  }
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/nodes', component: page }] })
  reloadLostPage(router, { events, storage: sessionStorage, load })
  return router
}

beforeEach(() => {
  sessionStorage.clear()
  load.mockClear()
})

it('loads a page whose script did not come as a whole, once', async () => {
  const router = start(true)
  await expect(router.push('/nodes?q=a')).rejects.toThrow('Failed to fetch')
  expect(load.mock.calls).toEqual([['/nodes?q=a']])
  await expect(router.push('/nodes?q=b')).rejects.toThrow('Failed to fetch')
  expect(load).toHaveBeenCalledTimes(1)
})

it('leaves any other failure alone', async () => {
  await expect(start(false).push('/nodes')).rejects.toThrow('Failed to fetch')
  expect(load).not.toHaveBeenCalled()
})
