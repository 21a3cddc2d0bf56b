/** A turn that has come; `leave` gives it to the next. */
export type Turn = { leave(): void }

/** Lets a bounded number through at a time, in the order of arrival. */
export type StartGate = {
  /** Resolves when it is this one's turn; rejects with the reason when `signal` aborts first. */
  enter(signal: AbortSignal): Promise<Turn>
}

export function createStartGate(limit: number): StartGate {
  let free = limit
  const waiting: (() => void)[] = []

  function turn(): Turn {
    let hasLeft = false
    return {
      leave() {
        if (hasLeft) return
        hasLeft = true
        const next = waiting.shift()
        if (next === undefined) free += 1
        else next()
      },
    }
  }

  return {
    async enter(signal) {
      signal.throwIfAborted()
      if (free > 0) {
        free -= 1
        return turn()
      }
      const { promise, resolve, reject } = Promise.withResolvers<Turn>()
      const pass = () => {
        signal.removeEventListener('abort', giveUp)
        resolve(turn())
      }
      const giveUp = () => {
        waiting.splice(waiting.indexOf(pass), 1)
        reject(signal.reason as Error)
      }
      waiting.push(pass)
      signal.addEventListener('abort', giveUp, { once: true })
      return promise
    },
  }
}
