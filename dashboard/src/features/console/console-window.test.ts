import { expect, it } from 'vitest'
import type { ConsoleEvent } from './console-event.ts'
import { createConsoleWindow, linesOf, positionAway } from './console-window.ts'

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

it('finds what stands some lines above or below', () => {
  const events = [chunk(0, 'a\nb\n'), chunk(4, 'c\n'), chunk(6, 'd\ne\nf\n'), chunk(12, 'g\n')]
  expect([0, 1, 2, 3, 5, 6].map((lines) => positionAway(events, 0, lines))).toEqual([0, 0, 4, 6, 6, 12])
  expect([-1, -3, -4, -9].map((lines) => positionAway(events, 12, lines))).toEqual([6, 6, 4, 0])
  // What is not shown stands where the next one does.
  expect(positionAway(events, 5, 0)).toBe(6)
  expect(positionAway(events, 12, 9)).toBe(12)
  expect(positionAway([], 12, 0)).toBe(12)
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
