import { expect, it } from 'vitest'
import { createSpokenLines } from './spoken-lines.ts'

it('says two lines a second at most, and how many it left out', () => {
  const said: string[] = []
  const waiting: (() => void)[] = []
  const speech = createSpokenLines({
    say: (text) => said.push(text),
    more: (count) => `${String(count)} more lines`,
    inASecond(run) {
      waiting.push(run)
      return () => waiting.splice(0)
    },
  })
  speech.add('\x1b[32mone\x1b[0m\r\n\ntw')
  expect(said).toEqual(['one'])
  speech.add('o\nthree\nfour\nfive\n')
  expect(said).toHaveLength(1)
  waiting.shift()!()
  expect(said[1]).toBe('two\nthree\n2 more lines')
  waiting.shift()!()
  expect(waiting).toHaveLength(0)
  speech.add('six\n')
  expect(said[2]).toBe('six')
  speech.stop()
  expect(waiting).toHaveLength(0)
})
