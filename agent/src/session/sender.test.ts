import { describe, expect, it, vi } from 'vitest'
import { createSender } from './sender.ts'

describe('createSender', () => {
  it('sends one message at a time, until nothing is left', async () => {
    const waiting = [1, 2, 3]
    const sent: number[] = []
    let underWay = 0
    const sender = createSender(
      async () => {
        const next = waiting.shift()
        if (next === undefined) return false
        underWay += 1
        expect(underWay).toBe(1)
        await Promise.resolve()
        sent.push(next)
        // What comes while a message is under way is not forgotten.
        if (next === 3) {
          waiting.push(4)
          sender.poke()
        }
        underWay -= 1
        return waiting.length > 1
      },
      () => undefined,
    )
    sender.poke()
    sender.poke()
    await vi.waitFor(() => {
      expect(sent).toEqual([1, 2, 3, 4])
    })
  })

  it('tells an error once and sends nothing after it', async () => {
    const onError = vi.fn()
    const sendNext = vi.fn(() => Promise.reject(new Error('cut')))
    const sender = createSender(sendNext, onError)
    sender.poke()
    await vi.waitFor(() => {
      expect(onError).toHaveBeenCalledOnce()
    })
    sender.poke()
    expect(sendNext).toHaveBeenCalledOnce()
  })

  it('sends nothing when closed', () => {
    const sendNext = vi.fn(() => Promise.resolve(false))
    const sender = createSender(sendNext, () => undefined)
    sender.close()
    sender.poke()
    expect(sendNext).not.toHaveBeenCalled()
  })
})
