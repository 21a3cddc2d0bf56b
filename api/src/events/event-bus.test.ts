import { describe, expect, it } from 'vitest'
import { BusOverflowError, createEventBus } from './event-bus.ts'

const createBus = () => {
  const reported: unknown[] = []
  return { reported, bus: createEventBus((error) => reported.push(error)) }
}

describe('event bus', () => {
  it('gives every subscriber every event in order, from the call on', async () => {
    const { bus } = createBus()
    const [a, b] = [bus.subscribe('node'), bus.subscribe('node')]
    for (const nodeId of ['1', '2']) bus.publish('node', { nodeId })
    for (const subscriber of [a, b]) {
      expect(await subscriber.next()).toEqual({ value: { nodeId: '1' }, done: false })
      expect(await subscriber.next()).toEqual({ value: { nodeId: '2' }, done: false })
    }
  })

  it('wakes a reader that waits, and ends it by return and by signal', async () => {
    const { bus } = createBus()
    const controller = new AbortController()
    const [a, b] = [bus.subscribe('node'), bus.subscribe('node', { signal: controller.signal })]
    const [fromA, fromB] = [a.next(), b.next()]
    bus.publish('node', { nodeId: '1' })
    expect(await fromA).toEqual({ value: { nodeId: '1' }, done: false })
    expect(await fromB).toEqual({ value: { nodeId: '1' }, done: false })
    const ends = [a.next(), b.next()]
    await a.return?.()
    controller.abort()
    expect(await Promise.all(ends)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ])
    expect(await bus.subscribe('node', { signal: controller.signal }).next()).toEqual({ value: undefined, done: true })
  })

  it('ends a subscriber that does not read, and leaves the others alone', async () => {
    const { bus } = createBus()
    const slow = bus.subscribe('node', { limit: 2 })
    const good = bus.subscribe('node')
    for (const nodeId of ['1', '2', '3']) bus.publish('node', { nodeId })
    await expect(slow.next()).rejects.toThrow(BusOverflowError)
    expect(await slow.next()).toEqual({ value: undefined, done: true })
    expect(await good.next()).toEqual({ value: { nodeId: '1' }, done: false })
  })

  it('reports what a listener throws; publishing goes on', () => {
    const { bus, reported } = createBus()
    const seen: string[] = []
    bus.on('node', () => {
      throw new Error('no')
    })
    const off = bus.on('node', ({ nodeId }) => seen.push(nodeId))
    bus.publish('node', { nodeId: '1' })
    off()
    bus.publish('node', { nodeId: '2' })
    expect(seen).toEqual(['1'])
    expect(reported).toHaveLength(2)
  })
})
