/** Lets work in, and has the rest wait in order. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>

/** @param limit pieces of work at once */
export function createGate(limit: number): Gate {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    // Who leaves hands the place on: it is never free while somebody waits.
    if (running < limit) running += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
