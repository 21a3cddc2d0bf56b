import { expect, it } from 'vitest'
import { isNews, type ServerReport } from './server-reports.ts'

const known = { reportSequence: 5n, reportEpoch: 'store-1' }
const report = (sequence: number) => ({ sequence }) as ServerReport

it('a report is news when its sequence is newer, or counted by another store', () => {
  expect(isNews(known, report(6), 'store-1')).toBe(true)
  expect(isNews(known, report(5), 'store-1')).toBe(false)
  expect(isNews(known, report(1), 'store-2')).toBe(true)
  expect(isNews({ reportSequence: 0n, reportEpoch: null }, report(1), 'store-1')).toBe(true)
})
