import { expect, it } from 'vitest'
import { tagsOf } from './node-tags.ts'

it('reads tags however they are separated', () => {
  expect(tagsOf(' SSD, eu  fast,ssd ')).toEqual(['eu', 'fast', 'ssd'])
  expect(tagsOf(' , ')).toEqual([])
})
