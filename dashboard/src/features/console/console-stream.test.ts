import { beforeEach, describe, expect, it } from 'vitest'
import type { ConsoleEvent } from './console-event.ts'
import { createConsoleStream, type StreamSource } from './console-stream.ts'

type Sink = Parameters<StreamSource['open']>[1]
type Opened = { after: number | null; sink: Sink; isOpen: boolean }

const chunk = (from: number, text: string): ConsoleEvent => ({
  __typename: 'ConsoleChunk',
  from,
  to: from + text.length,
  kind: 'OUTPUT',
  runId: 'r',
  text,
  at: '2026-01-01T00:00:00.000Z',
  actor: null,
})
const gap = (from: number, to: number, reason: 'FLOOD' | 'SLOW_VIEWER'): ConsoleEvent => ({ __typename: 'ConsoleGap', from, to, reason })

let opened: Opened[]
let waiting: (() => void)[]
let seen: ConsoleEvent[]
let refused: string[]

const setUp = () => {
  const stream = createConsoleStream(
    {
      open(after, sink) {
        const entry = { after, sink, isOpen: true }
        opened.push(entry)
        return () => {
          entry.isOpen = false
        }
      },
      later(_failures, run) {
        waiting.push(run)
        return () => {
          waiting.splice(waiting.indexOf(run), 1)
        }
      },
    },
    { event: (event) => seen.push(event), refused: (code) => refused.push(code) },
  )
  stream.open()
  return stream
}
const text = () => seen.map((event) => (event.__typename === 'ConsoleChunk' ? event.text : `<${event.reason}>`)).join('')
const live = () => opened.at(-1)!

beforeEach(() => {
  opened = []
  waiting = []
  seen = []
  refused = []
})

describe('createConsoleStream', () => {
  it('goes on behind the last position after a loss, without repetition', () => {
    const stream = setUp()
    expect(live().after).toBeNull()
    live().sink.next(chunk(100, 'abc'))
    stream.pause()
    live().sink.next(chunk(103, 'late'))
    stream.open()
    expect(live().after).toBe(103)
    live().sink.next(chunk(100, 'abc'))
    live().sink.next(chunk(103, 'def'))
    expect(text()).toBe('abcdef')
    expect(opened.filter(({ isOpen }) => isOpen)).toHaveLength(1)
  })

  it('reads anew from where the chain broke', () => {
    setUp()
    live().sink.next(chunk(0, 'abc'))
    live().sink.next(chunk(5, 'f'))
    expect(text()).toBe('abc')
    expect(live().isOpen).toBe(false)
    waiting[0]!()
    expect(live().after).toBe(3)
    live().sink.next(chunk(3, 'def'))
    expect(text()).toBe('abcdef')
  })

  it('reads what a slow viewer lost from history, once', () => {
    setUp()
    live().sink.next(chunk(0, 'abc'))
    live().sink.next(gap(3, 6, 'SLOW_VIEWER'))
    expect(text()).toBe('abc')
    expect(live().after).toBe(3)
    live().sink.next(gap(3, 6, 'SLOW_VIEWER'))
    live().sink.next(chunk(6, 'ghi'))
    expect(text()).toBe('abc<SLOW_VIEWER>ghi')
    expect(opened).toHaveLength(2)
  })

  it('shows other gaps', () => {
    setUp()
    live().sink.next(chunk(0, 'abc'))
    live().sink.next(gap(3, 9000, 'FLOOD'))
    live().sink.next(chunk(9000, 'x'))
    expect(text()).toBe('abc<FLOOD>x')
  })

  it('tries again after failures and ends, but not after a refusal', () => {
    setUp()
    live().sink.ended()
    waiting[0]!()
    live().sink.failed(['INTERNAL'], '')
    waiting.at(-1)!()
    expect(opened).toHaveLength(3)
    live().sink.failed(['FORBIDDEN'], '')
    expect(refused).toEqual(['FORBIDDEN'])
    expect(opened.filter(({ isOpen }) => isOpen)).toHaveLength(0)
  })

  it('begins anew behind another position', () => {
    const stream = setUp()
    live().sink.next(chunk(0, 'abc'))
    const { sink } = live()
    stream.restart(70)
    sink.next(chunk(3, 'late'))
    expect(live().after).toBe(70)
    live().sink.next(chunk(70, 'def'))
    stream.restart(null)
    expect(live().after).toBeNull()
    live().sink.next(chunk(20, 'ghi'))
    expect(text()).toBe('abcdefghi')
    expect(opened.filter(({ isOpen }) => isOpen)).toHaveLength(1)
  })

  it('is silent once stopped', () => {
    const stream = setUp()
    const { sink } = live()
    stream.stop()
    stream.restart(null)
    expect(opened).toHaveLength(1)
    sink.next(chunk(0, 'abc'))
    sink.ended()
    expect(seen).toEqual([])
    expect(waiting).toEqual([])
  })
})
