import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConsolePart, ConsoleStream } from '../console/console-stream.ts'
import { createConsolePusher, type PushAnswer } from './console-pusher.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** A stream over a text that grows. */
function growing() {
  let text = ''
  const part = (content: string): ConsolePart => ({
    kind: 'OUTPUT',
    runId: 'r',
    at: '',
    bytes: content.length,
    text: content,
    base64: null,
    actor: null,
    gapReason: null,
  })
  const stream: Pick<ConsoleStream, 'end' | 'read'> = {
    end: () => text.length,
    read: (from, limit) => (from >= text.length ? [] : [part(text.slice(from, from + limit))]),
  }
  return {
    stream: stream as ConsoleStream,
    add(more: string) {
      text += more
    },
  }
}

describe('pushing a console', () => {
  it('sends the first output at once and then batches', async () => {
    const sent: { from: number; text: string }[] = []
    const { stream, add } = growing()
    const pusher = createConsolePusher({
      push: async (_id, from, parts) => {
        sent.push({ from, text: parts.map((part) => part.text).join('') })
        return { acknowledged: 0, expected: from }
      },
      waitingBytes: () => 0,
      onAcknowledged: () => undefined,
      onError: () => undefined,
      monotonicMs: () => performance.now(),
    })
    pusher.open('s', stream, 0)
    await vi.advanceTimersByTimeAsync(1000)
    add('a')
    pusher.changed('s')
    expect(sent).toEqual([{ from: 0, text: 'a' }])
    for (const letter of 'bcd') {
      add(letter)
      pusher.changed('s')
    }
    expect(sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(60)
    expect(sent.map((push) => push.text).join('')).toBe('abcd')
    expect(sent.length).toBeLessThanOrEqual(3)
    pusher.close()
  })

  it('goes back when the api lacks something, and keeps a bounded window', async () => {
    const answers: ((answer: PushAnswer) => void)[] = []
    const sent: number[] = []
    const { stream, add } = growing()
    const pusher = createConsolePusher({
      push: (_id, from) => {
        sent.push(from)
        return new Promise((resolve) => answers.push(resolve))
      },
      waitingBytes: () => 0,
      onAcknowledged: () => undefined,
      onError: () => undefined,
      monotonicMs: () => performance.now(),
    })
    add('x'.repeat(4 * 2 ** 20))
    pusher.open('s', stream, 0)
    expect(sent.length).toBe(8)
    sent.length = 0
    // The api was restarted: it has nothing of what is under way.
    for (const answer of answers.splice(0)) answer({ acknowledged: 0, expected: 0 })
    await vi.advanceTimersByTimeAsync(0)
    expect(sent[0]).toBe(0)
    pusher.close()
  })

  it('has a bounded sum under way, and lets consoles take turns when there is room', async () => {
    const answers: { id: string; from: number; answer: (answer: PushAnswer) => void }[] = []
    const pusher = createConsolePusher({
      push: (id, from) => new Promise((answer) => answers.push({ id, from, answer })),
      waitingBytes: () => 0,
      onAcknowledged: () => undefined,
      onError: () => undefined,
      monotonicMs: () => performance.now(),
    })
    const ids = Array.from({ length: 12 }, (_, index) => `s${String(index)}`)
    for (const id of ids) {
      const { stream, add } = growing()
      add('x'.repeat(2 ** 20))
      pusher.open(id, stream, 0)
    }
    const size = 128 * 1024
    expect(answers.length * size).toBe(8 * 2 ** 20)
    expect(new Set(answers.map(({ id }) => id)).size).toBe(8)
    // One that leaves gives its room to the next, whatever comes of what it had under way.
    pusher.drop('s0')
    const sent = answers.splice(0)
    expect(sent.at(-1)?.id).toBe('s8')
    for (const { from, answer } of sent) answer({ acknowledged: from + size, expected: from + size })
    await vi.advanceTimersByTimeAsync(0)
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(['s9', 's10', 's11']))
    pusher.close()
  })

  it('sends larger batches while all consoles together say much, and a quiet one still at once', async () => {
    const sent: string[] = []
    const pusher = createConsolePusher({
      push: async (id, from, parts) => {
        sent.push(id)
        const end = from + parts.reduce((total, { bytes }) => total + bytes, 0)
        return { acknowledged: end, expected: end }
      },
      waitingBytes: () => 0,
      onAcknowledged: () => undefined,
      onError: () => undefined,
      monotonicMs: () => performance.now(),
    })
    const loud = Array.from({ length: 10 }, (_, index) => ({ id: `s${String(index)}`, ...growing() }))
    for (const { id, stream } of loud) pusher.open(id, stream, 0)
    const talk = async (milliseconds: number) => {
      for (let passed = 0; passed < milliseconds; passed += 10) {
        for (const { id, add } of loud) {
          add('line\n'.repeat(10))
          pusher.changed(id)
        }
        await vi.advanceTimersByTimeAsync(10)
      }
    }
    await talk(2000)
    sent.length = 0
    await talk(1000)
    for (const { id } of loud) expect(sent.filter((one) => one === id).length).toBeLessThanOrEqual(21)
    const quiet = growing()
    pusher.open('quiet', quiet.stream, 0)
    await talk(100)
    sent.length = 0
    quiet.add('a')
    pusher.changed('quiet')
    expect(sent).toEqual(['quiet'])
    pusher.close()
  })

  it('has a bounded number of messages under way', async () => {
    const answers: ((answer: PushAnswer) => void)[] = []
    const pusher = createConsolePusher({
      push: () => new Promise((answer) => answers.push(answer)),
      waitingBytes: () => 0,
      onAcknowledged: () => undefined,
      onError: () => undefined,
      monotonicMs: () => performance.now(),
    })
    for (let index = 0; index < 600; index += 1) {
      const { stream, add } = growing()
      add('a')
      pusher.open(String(index), stream, 0)
    }
    expect(answers).toHaveLength(500)
    for (const answer of answers.slice(0, 50)) answer({ acknowledged: 1, expected: 1 })
    await vi.advanceTimersByTimeAsync(0)
    expect(answers).toHaveLength(550)
    pusher.drop('100')
    expect(answers).toHaveLength(551)
    pusher.close()
  })

  it('waits while the socket is full, and lets everything else go first', async () => {
    let waiting = 10 * 2 ** 20
    const sent: number[] = []
    const { stream, add } = growing()
    const pusher = createConsolePusher({
      push: async (_id, from) => {
        sent.push(from)
        return { acknowledged: 0, expected: from }
      },
      waitingBytes: () => waiting,
      onAcknowledged: () => undefined,
      onError: () => undefined,
      monotonicMs: () => performance.now(),
    })
    add('a')
    pusher.open('s', stream, 0)
    await vi.advanceTimersByTimeAsync(200)
    expect(sent).toEqual([])
    waiting = 0
    await vi.advanceTimersByTimeAsync(20)
    expect(sent).toEqual([0])
    pusher.close()
  })
})
