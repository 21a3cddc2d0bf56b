import { expect, it } from 'vitest'
import { toPiece } from './console-part.ts'

it('takes a time that is too far ahead for one that is hardly ahead, and leaves all others', () => {
  const now = Date.UTC(2026, 2, 1)
  const at = (time: number) => toPiece(0, { kind: 'OUTPUT', runId: 'run', at: new Date(time), text: 'x' }, now)
  expect(at(Date.UTC(9999, 0))).toMatchObject({ at: now + 600_000 })
  for (const time of [now + 599_999, now, 0]) expect(at(time)).toMatchObject({ at: time })
})
