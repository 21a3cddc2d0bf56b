import { describe, expect, it } from 'vitest'
import { inSmallLetters, prefilterOf, withoutSequences } from './searched-text.ts'

const ESC = '\u001b'

describe('text without escape sequences', () => {
  it('is what a person reads, with the places where it was', () => {
    const bytes = Buffer.from(`${ESC}[1;31mred${ESC}[0m\n${ESC}]0;title\u0007plain${ESC}(B ü\n`)
    const read = withoutSequences(bytes)
    expect(read.bytes.toString()).toBe('red\nplain ü\n')
    // A line begins before its colours, a word behind them.
    expect(read.placeOf(0)).toBe(0)
    expect(bytes.toString('utf8', read.placeOf(1)).startsWith('ed')).toBe(true)
    expect(read.placeOf(4)).toBe(bytes.indexOf(10) + 1)
    expect(bytes.toString('utf8', read.placeOf(10)).startsWith('ü')).toBe(true)
  })

  it('keeps what is no sequence, and lines that a sequence has no end in', () => {
    for (const text of ['no colours', `a${ESC}[`, `a${ESC}]0;open\nb\n`]) {
      expect(withoutSequences(Buffer.from(text)).bytes.toString().split('\n')).toHaveLength(text.split('\n').length)
    }
  })

  it('takes one pass, whatever is printed', () => {
    const hostile = Buffer.from(`${ESC}[${'1;'.repeat(100_000)}\n${`${ESC}]`.repeat(100_000)}\n`)
    const started = process.cpuUsage()
    withoutSequences(hostile)
    expect(process.cpuUsage(started).user).toBeLessThan(1_000_000)
  })

  it('holds nobody up where there is hardly anything else', () => {
    const bytes = Buffer.from(`${ESC}[m`.repeat(2 ** 20 / 3) + 'end')
    const started = process.cpuUsage()
    const read = withoutSequences(bytes)
    for (let place = 0; place < 100; place += 1) expect(read.placeOf(3)).toBe(bytes.length)
    expect(read.placeOf(0)).toBe(0)
    expect(process.cpuUsage(started).user).toBeLessThan(250_000)
  })
})

it('small letters are those of ASCII, and as long as before', () => {
  expect(inSmallLetters(Buffer.from('[INFO] Ünder')).toString()).toBe('[info] Ünder')
})

describe('the quick look', () => {
  it.each([
    ['Error.', true, true, false],
    ['error.', true, false, false],
    ['error.', false, true, false],
    ['', true, true, true],
  ])('for %j, capitals counted: %j', (literal, matchCase, isInFirst, isInSecond) => {
    const mayContain = prefilterOf(Buffer.from(literal), matchCase)
    expect(mayContain(Buffer.from('an Error.'))).toBe(isInFirst)
    expect(mayContain(Buffer.from('an Error!'))).toBe(isInSecond)
  })
})
