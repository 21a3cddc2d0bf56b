import { describe, expect, it } from 'vitest'
import { createConsoleBudget } from './console-budget.ts'

/** A socket of an agent that remembers whether it is read. */
function createSocket() {
  const ended = new AbortController()
  let isPaused = false
  return {
    signal: ended.signal,
    pause: () => (isPaused = true),
    resume: () => (isPaused = false),
    end: () => {
      ended.abort()
    },
    isPaused: () => isPaused,
  }
}

/** Work that lasts until it is told to end. */
function createWork() {
  const over = Promise.withResolvers<string>()
  let hasBegun = false
  return {
    run: () => {
      hasBegun = true
      return over.promise
    },
    hasBegun: () => hasBegun,
    end: over.resolve,
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('what waits for the disk', () => {
  it('is bounded for each node, over all its sockets: they are not read until there is room', async () => {
    const budget = createConsoleBudget({ ofNode: 10, inAll: 100 })
    const [one, two, other] = [createSocket(), createSocket(), createSocket()]
    const works = Array.from({ length: 4 }, createWork)
    const spent = [
      budget.spend('n', one, 10, works[0]!.run),
      budget.spend('n', one, 10, works[1]!.run),
      budget.spend('n', two, 10, works[2]!.run),
      budget.spend('m', other, 10, works[3]!.run),
    ]
    await settled()
    expect(works.map((work) => work.hasBegun())).toEqual([true, false, false, true])
    expect([one, two, other].map((socket) => socket.isPaused())).toEqual([true, true, false])
    expect(budget.stats()).toEqual({ spent: 20, waiting: 20 })
    works[0]!.end('a')
    expect(await spent[0]).toBe('a')
    await settled()
    // In order, one for one.
    expect(works.map((work) => work.hasBegun())).toEqual([true, true, false, true])
    expect([one, two].map((socket) => socket.isPaused())).toEqual([false, true])
    for (const work of works) work.end('b')
    await Promise.all(spent)
    expect(two.isPaused()).toBe(false)
    expect(budget.stats()).toEqual({ spent: 0, waiting: 0 })
  })

  it('is bounded in all, and nodes that wait take turns', async () => {
    const budget = createConsoleBudget({ ofNode: 100, inAll: 10 })
    const begun: string[] = []
    const spend = (node: string) =>
      budget.spend(node, createSocket(), 10, async () => {
        begun.push(node)
        await settled()
      })
    await Promise.all(['a', 'a', 'a', 'b', 'b'].map(spend))
    expect(begun).toEqual(['a', 'a', 'b', 'a', 'b'])
  })

  it('is given back by work that fails, and by a socket that ends as it waits', async () => {
    const budget = createConsoleBudget({ ofNode: 10, inAll: 100 })
    const work = createWork()
    const first = budget.spend('n', createSocket(), 10, async () => {
      await work.run()
      throw new Error('broken')
    })
    const leaving = createSocket()
    const left = budget.spend('n', leaving, 10, () => Promise.resolve('never'))
    const last = budget.spend('n', createSocket(), 10, () => Promise.resolve('last'))
    leaving.end()
    await expect(left).rejects.toThrow('ended')
    work.end('')
    await expect(first).rejects.toThrow('broken')
    expect(await last).toBe('last')
    await expect(budget.spend('n', leaving, 10, () => Promise.resolve('never'))).rejects.toThrow('ended')
  })
})
