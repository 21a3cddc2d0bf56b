import { expect, it } from 'vitest'
import { createLandmarks } from './terminal-landmarks.ts'

it('finds the place of a row again after rows have moved', () => {
  const landmarks = createLandmarks()
  const marks = [0, 40, 90].map((line) => ({ line, isDisposed: false }))
  marks.forEach((marker, index) => {
    landmarks.add(index * 1000, marker)
  })
  landmarks.add(5000, undefined)
  expect(landmarks.nearest(50, 0)).toEqual({ position: 1000, rows: 10 })
  expect(landmarks.nearest(50, 2000)).toEqual({ position: 2000, rows: -40 })
  for (const mark of marks) mark.line -= 20
  marks[0]!.isDisposed = true
  expect(landmarks.rowOf(1000)).toBe(20)
  expect(landmarks.rowOf(0)).toBeNull()
  landmarks.clear()
  expect(landmarks.nearest(0, 0)).toBeNull()
})
