import { expect, it } from 'vitest'
import type { ConsoleEvent } from './console-event.ts'
import { createConsolePainter } from './console-painter.ts'

let position = 0
const chunk = (text: string, kind: 'OUTPUT' | 'INPUT' | 'NOTICE' = 'OUTPUT', actor: string | null = null, at = 'now'): ConsoleEvent => ({
  __typename: 'ConsoleChunk',
  from: position,
  to: (position += text.length),
  kind,
  runId: 'r',
  text,
  at,
  actor,
})
const painter = (hasTimes: boolean, hidden?: 'OUTPUT' | 'INPUT') =>
  createConsolePainter({
    hasTimes,
    isShown: (event) => event.__typename === 'ConsoleGap' || event.kind !== hidden,
    columns: 40,
    accent: [1, 2, 3],
    tint: [4, 5, 6],
    clock: () => '12:00:00',
    newDay: (before, at) => (at.startsWith((before ?? 'now').slice(0, 1)) ? null : `day ${at}`),
    gapText: ({ reason, from, to }, since, until) => `${reason} ${to - from} ${since} ${until}`,
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
  const { paint, flush } = painter(false)
  const written = plain(
    paint(chunk('prompt> ')) +
      paint(chunk('status\n', 'INPUT', 'mira')) +
      paint(chunk('Started', 'NOTICE')) +
      paint({ __typename: 'ConsoleGap', from: 0, to: 9000, reason: 'FLOOD' }) +
      flush(),
  )
  expect(written.split('\r\n').map((line) => line.replaceAll('╌', ''))).toEqual([
    'prompt> ',
    '> status   mira',
    '▌ Started',
    ' FLOOD 9000 now null ',
    '',
  ])
})

it('tells between which times something is missing, once what follows has come', () => {
  const { paint, flush } = painter(false)
  const gap: ConsoleEvent = { __typename: 'ConsoleGap', from: 0, to: 70, reason: 'FLOOD' }
  expect(paint(chunk('before', 'OUTPUT', null, '1')) + paint(gap)).toBe('before')
  expect(plain(paint(chunk('behind', 'OUTPUT', null, '2')))).toMatch(/^\r\n╌+ FLOOD 70 1 2 ╌+\r\nbehind$/)
  expect(flush()).toBe('')
})

it('says where another day begins, and cuts no line for it', () => {
  const { paint } = painter(true)
  const written =
    paint(chunk('one', 'OUTPUT', null, '1')) + paint(chunk(' and\n', 'OUTPUT', null, '2')) + paint(chunk('two\n', 'OUTPUT', null, '2'))
  expect(plain(written)).toBe('── day 1 ──\r\n12:00:00  one and\r\n── day 2 ──\r\n12:00:00  two\r\n')
  expect(plain(painter(false).paint(chunk('one', 'OUTPUT', null, '1')))).toBe('one')
})

it('shows what others typed as text, never as escape sequences', () => {
  const { paint } = painter(false)
  expect(paint(chunk('say \x1b[31mhi\x1b]0;x\x07', 'INPUT'))).toContain('say hi')
  // The node says who it was.
  expect(plain(paint(chunk('list', 'INPUT', '\x1b[2J\x1b]8;;http://x\x07mi\r\nra')))).toBe('> list   mira\r\n')
})

it('leaves out what is not to be shown, and still tells when something is missing', () => {
  const { paint } = painter(false, 'OUTPUT')
  const written = [
    chunk('\x1b[31mhidden', 'OUTPUT', null, '1'),
    { __typename: 'ConsoleGap', from: 0, to: 70, reason: 'FLOOD' } as const,
    chunk('hidden too', 'OUTPUT', null, '2'),
    chunk('Stopped', 'NOTICE', null, '3'),
  ].map((event) => paint(event))
  expect(plain(written.join(''))).toMatch(/^╌+ FLOOD 70 1 2 ╌+\r\n▌ Stopped\r\n$/)
  expect(written.join('')).not.toContain('\x1b[31m')
  const { paint: withoutCommands } = painter(false, 'INPUT')
  expect(plain(withoutCommands(chunk('prompt> ')) + withoutCommands(chunk('list\n', 'INPUT')) + withoutCommands(chunk('3 players')))).toBe(
    'prompt> 3 players',
  )
})
