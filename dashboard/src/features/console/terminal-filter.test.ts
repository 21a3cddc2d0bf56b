import { expect, it } from 'vitest'
import { createTerminalFilter } from './terminal-filter.ts'

it.each([
  ['colours', '\x1b[1;31mred\x1b[0m\n', '\x1b[1;31mred\x1b[0m\n'],
  ['erasing in the line', '50 %\x1b[K\r', '50 %\x1b[K\r'],
  ['cursor movement', 'a\x1b[2Ab\x1b[10;1Hc', 'abc'],
  ['clearing the screen', '\x1b[2J\x1b[3Jx', 'x'],
  ['queries', '\x1b[c\x1b[6n\x1bZx\x05', 'x'],
  ['titles', '\x1b]0;evil\x07x\x1b]0;evil\x1b\\y', 'xy'],
  ['clipboard', '\x1b]52;c;ZXZpbA==\x07x', 'x'],
  ['device strings', '\x1bP+q544e\x1b\\x', 'x'],
  ['eight-bit controls', '\u009b2Jx\u009d0;t\u009cy\u0085', 'xy'],
  ['private modes', '\x1b[?1049h\x1b[>0;1mx', 'x'],
  ['other alphabets', 'おはよう 😀', 'おはよう 😀'],
  ['a string without end', '\x1b]0;never\nnext', '\nnext'],
  ['bell, backspace, delete', 'a\x07\x08\x7fb', 'ab'],
])('%s', (_name, input, output) => {
  expect(createTerminalFilter()(input)).toBe(output)
})

it('remembers a sequence that is cut in two', () => {
  const filter = createTerminalFilter()
  expect(['\x1b[3', '1mx\x1b]0;a', 'b\x07y'].map(filter).join('')).toBe('\x1b[31mxy')
})
