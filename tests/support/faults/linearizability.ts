/** A call as its caller saw it: when it was made, when its answer was there, and which answer. Times are of one clock. */
export type Call<Operation> = { operation: Operation; from: number; to: number }

/**
 * Says what an object does: the state after an operation with this answer, or null when the answer is not possible in this
 * state. States are compared as text.
 */
export type Model<State, Operation> = { first: State; step(state: State, operation: Operation): State | null }

const MOST_STEPS = 2_000_000

/**
 * Whether one order of all calls explains every answer: each takes effect once, somewhere between its call and its answer
 * (Wing and Gong's search, with the memory of Lowe).
 * @throws when the search does not end in reasonable time
 */
export function isLinearizable<State, Operation>(model: Model<State, Operation>, calls: readonly Call<Operation>[]): boolean {
  const sorted = [...calls].sort((a, b) => a.from - b.from)
  const done = new Uint8Array(sorted.length)
  const seen = new Set<string>()
  let steps = 0

  /** Calls that may be the next: none that is left has ended before they began. */
  function candidates(): number[] {
    let earliestEnd = Infinity
    for (const [index, call] of sorted.entries()) if (done[index] === 0) earliestEnd = Math.min(earliestEnd, call.to)
    const found: number[] = []
    for (const [index, call] of sorted.entries()) {
      if (call.from > earliestEnd) break
      if (done[index] === 0) found.push(index)
    }
    return found
  }

  const stack: { state: State; chosen: number; rest: number[] }[] = [{ state: model.first, chosen: -1, rest: candidates() }]
  for (;;) {
    const top = stack.at(-1)
    if (top === undefined) return false
    if (stack.length > sorted.length) return true
    if ((steps += 1) > MOST_STEPS) throw new Error('the history is too wide to be searched')
    const index = top.rest.pop()
    if (index === undefined) {
      stack.pop()
      if (top.chosen >= 0) done[top.chosen] = 0
      continue
    }
    const call = sorted[index]
    const state = call === undefined ? null : model.step(top.state, call.operation)
    if (state === null) continue
    done[index] = 1
    const key = `${JSON.stringify(state)} ${Buffer.from(done).toString('base64')}`
    if (seen.has(key)) {
      done[index] = 0
      continue
    }
    seen.add(key)
    stack.push({ state, chosen: index, rest: candidates() })
  }
}
