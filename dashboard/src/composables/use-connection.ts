import { readonly, shallowReactive, type InjectionKey } from 'vue'
import { injectStrict } from './inject-strict.ts'

/** A loss shorter than this is not shown. */
const GRACE_MS = 2000

export type ConnectionState = {
  /** The socket is open. */
  isLive: boolean
  /** The socket is away for longer than the grace time. */
  isLost: boolean
  /** When the socket closed, ms; null while it is open or was never. */
  lostAt: number | null
  /** When it is tried again, ms. */
  retryAt: number | null
  /** Grows with each opened socket: streams start anew on change. */
  epoch: number
}

/** What is known of the live connection. The socket reports to it; banners, streams and buttons read it. */
export function createConnection() {
  const state = shallowReactive<ConnectionState>({ isLive: false, isLost: false, lostAt: null, retryAt: null, epoch: 0 })
  const reconnected = new Set<() => void>()
  let grace: ReturnType<typeof setTimeout> | null = null
  let hurry: (() => void) | null = null

  return {
    state: readonly(state),
    opened() {
      if (grace !== null) clearTimeout(grace)
      grace = null
      hurry = null
      const isReturn = state.lostAt !== null
      // `isLive` last: who waits for it finds the rest in place.
      Object.assign(state, { epoch: state.epoch + 1, isLost: false, lostAt: null, retryAt: null, isLive: true })
      if (isReturn) for (const listener of reconnected) listener()
    },
    closed() {
      state.isLive = false
      if (state.lostAt !== null) return
      state.lostAt = Date.now()
      grace = setTimeout(() => {
        state.isLost = true
      }, GRACE_MS)
    },
    /** The socket was closed on purpose: nothing is lost. */
    left() {
      if (grace !== null) clearTimeout(grace)
      grace = null
      Object.assign(state, { isLive: false, isLost: false, lostAt: null, retryAt: null })
    },
    /** Waits before the next try; ends early when the user asks to. */
    async wait(ms: number) {
      state.retryAt = Date.now() + ms
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        hurry = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      hurry = null
      state.retryAt = null
    },
    tryNow() {
      hurry?.()
    },
    /** Runs when the socket came back after a loss; returns its end. */
    onReturn(listener: () => void): () => void {
      reconnected.add(listener)
      return () => reconnected.delete(listener)
    },
  }
}

export type Connection = ReturnType<typeof createConnection>
export const connectionKey: InjectionKey<Connection> = Symbol('connection')
export const useConnection = () => injectStrict(connectionKey)
