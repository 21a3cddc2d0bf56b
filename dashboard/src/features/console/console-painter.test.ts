import { expect, it } from 'vitest'
import type { ConsoleEvent } from './console-event.ts'
import { createConsolePainter } from './console-painter.ts'

let position = 0
const chunk = (text: string, kind: 'OUTPUT' | 'INPUT' | 'NOTICE' = 'OUTPUT', actor: string | null = null): ConsoleEvent => ({
  __typename: 'ConsoleChunk',
  from: position,
  to: (position += text.length),
  kind,
  runId: 'r',
  text,
  at: 'now',
  actor,
})
const painter = (hasTimes: boolean) =>
  createConsolePainter({
    hasTimes,
    columns: 40,
    accent: [1, 2, 3],
    tint: [4, 5, 6],
    clock: () => '12:00:00',
    gapText: (reason, bytes) => `${reason} ${bytes}`,
  })
const plain = (text: string) => text.replaceAll(/\x1b\[[\d;]*[mKC]/g, '')

it('puts the time before each line, also when lines come in pieces', () => {
  const { paint } = painter(true)
  expect(plain(paint(chunk('one\ntw')) + paint(chunk('o\nthree')))).toBe('12:00:00  one\r\n12:00:00  two\r\n12:00:00  three')
})

it('keeps the colour of the game over the time of the next line', () => {
  const { paint } = painter(true)
  expect(paint(chunk('\x1b[31mred\nstill red'))).toContain('\x1b[31mstill red')
  expect(paint(chunk('\x1b[0m\nplain'))).not.toContain('\x1b[31m')
})

it('writes a progress line over itself, behind its time', () => {
  const { paint } = painter(true)
  expect(paint(chunk('10 %\r20 %'))).toContain('\r\x1b[10C20 %')
  const { paint: withoutTimes } = painter(false)
  expect(plain(withoutTimes(chunk('a\r')) + withoutTimes(chunk('\nb')))).toBe('a\r\nb')
})

it('begins own commands, notices and gaps on lines of their own', () => {
  const { paint } = painter(false)
  const written = plain(
    paint(chunk('prompt> ')) +
      paint(chunk('status\n', 'INPUT', 'mira')) +
      paint(chunk('Started', 'NOTICE')) +
      paint({ __typename: 'ConsoleGap', from: 0, to: 9000, reason: 'FLOOD' }),
  )
  expect(written.split('\r\n').map((line) => line.replaceAll('╌', ''))).toEqual([
    'prompt> ',
    '> status   mira',
    '▌ Started',
    ' FLOOD 9000 ',
    '',
  ])
})

it('shows what others typed as text, never as escape sequences', () => {
  const { paint } = painter(false)
  expect(paint(chunk('say \x1b[31mhi\x1b]0;x\x07', 'INPUT'))).toContain('say hi')
})
