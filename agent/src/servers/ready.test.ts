import { describe, expect, it } from 'vitest'
import { createReadyMatcher, stripAnsi } from './ready.ts'

const bytes = (text: string) => Buffer.from(text)

describe('ready text', () => {
  it('is found on partial lines, over chunk edges and under colours', () => {
    const matches = createReadyMatcher({ text: 'Done (', regex: null })
    expect(matches(bytes('[INFO] \u001b[32mDo'))).toBe(false)
    expect(matches(bytes('\u001b[0mne (1.2s)'))).toBe(true)
    expect(matches(bytes('whatever'))).toBe(true)
  })

  it('may be a pattern, with characters that arrive in two pieces', () => {
    const matches = createReadyMatcher({ text: null, regex: '^bereit – \\d+$' })
    const text = bytes('bereit – 42')
    expect(matches(text.subarray(0, 8))).toBe(false)
    expect(matches(text.subarray(8))).toBe(true)
  })

  it('removes control sequences and titles', () => {
    expect(stripAnsi('\u001b]0;title\u0007a\u001b[1;31mb\u001b[Kc')).toBe('abc')
  })
})
