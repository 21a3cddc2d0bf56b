import { expect, it } from 'vitest'
import { createTelemetry } from './telemetry.ts'

it('leaves out what cannot be read, and what takes too long, and shows all else', async () => {
  const errors: string[] = []
  const telemetry = createTelemetry((error, series) => errors.push(`${series}: ${String(error)}`))
  let read = async () => 7
  telemetry.collect('one', 'One.', () => read())
  telemetry.collectBy('many', 'Many.', 'of', async () => new Map([['a', await read()]]))
  telemetry.collect('other', 'Other.', () => 3)
  const series = async () => (await telemetry.render()).text.split('\n').filter((line) => /^(one|many|other)\b/.test(line))
  expect(await series()).toEqual(['one 7', 'many{of="a"} 7', 'other 3'])
  read = () => Promise.reject(new Error('away'))
  expect(errors).toEqual([])
  expect(await series()).toEqual(['other 3'])
  expect(errors.toSorted()).toEqual(['many: Error: away', 'one: Error: away'])
  read = async () => 8
  expect(await series()).toEqual(['one 8', 'many{of="a"} 8', 'other 3'])
  read = () => new Promise(() => undefined)
  const started = performance.now()
  expect(await series()).toEqual(['other 3'])
  expect(performance.now() - started).toBeLessThan(8000)
})
