import { expect, it } from 'vitest'
import type { ConsoleEvent } from './console-event.ts'
import { createConsoleWindow, linesOf } from './console-window.ts'

const chunk = (from: number, text: string): ConsoleEvent => ({
  __typename: 'ConsoleChunk',
  from,
  to: from + text.length,
  kind: 'OUTPUT',
  runId: 'r',
  text,
  at: '',
  actor: null,
})

it('counts lines, and long ones by their length', () => {
  expect(linesOf(chunk(0, 'a\nb\nc'))).toBe(2)
  expect(linesOf(chunk(0, 'prompt> '))).toBe(1)
  expect(linesOf(chunk(0, 'x'.repeat(4000)))).toBe(10)
  expect(linesOf({ __typename: 'ConsoleGap', from: 0, to: 9, reason: 'FLOOD' })).toBe(1)
})

it('is bounded at both ends, and never lets go of what was just added', () => {
  const shown = createConsoleWindow(4)
  shown.replace([chunk(10, 'a\n'), chunk(12, 'b\n'), chunk(14, 'c\n'), chunk(16, 'd\n')])
  expect(shown.append([chunk(18, 'e\n')])).toBe(false)
  expect(shown.append([chunk(20, 'f\n')])).toBe(true)
  expect([shown.from, shown.to]).toEqual([14, 22])
  expect(shown.prepend([chunk(0, '\n\n\n\n\n\n')])).toBe(true)
  expect(shown.all().map(({ from }) => from)).toEqual([0, 14])
})
