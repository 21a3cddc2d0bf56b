/** How often something happens lately: what is a quarter of a second old counts a third. */
export type Rate = {
  add(count: number): void
  perSecond(): number
}

const MEMORY_MS = 250

export function createRate(monotonicMs: () => number): Rate {
  let level = 0
  let at = monotonicMs()

  function fade(): void {
    const now = monotonicMs()
    level *= Math.exp((at - now) / MEMORY_MS)
    at = now
  }

  return {
    add(count) {
      fade()
      level += count * (1000 / MEMORY_MS)
    },
    perSecond() {
      fade()
      return level
    },
  }
}
